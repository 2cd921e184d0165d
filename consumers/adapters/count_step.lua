-- One step of `count`: all of it, or nothing.
--
-- KEYS: states, series, bundles, ends of minutes, hours and days, then one hash of cells each.
-- ARGV[1], msgpack: partition, expected state or "", new state, end and level of each hash of cells,
--   fields and packed cells of each, series and minutes, bundle hashes and names,
--   per level the end up to which windows are too old, how many of those to delete at most.
-- Answers {1} when done, else {0} or {0, the state held}.
--
-- Rule: everything is read, and every type is met, before the first write: an error in the middle
-- would leave half a step, for Redis does not roll back.
local partition, expected, new, windows, deltas, series, bundles, expired, limit =
  unpack(cmsgpack.unpack(ARGV[1]))

local held = redis.call('HGET', KEYS[1], partition)
if held == new then return {1} end
if (held or '') ~= expected then
  if held then return {0, held} end
  return {0}
end

local HEAD = 57 -- bytes before the tails
local NUMBERS = '<I4I4I4I4I4I4I4I4I4I4I4I4I8B'

-- The smallest `kept` of two ascending runs of hashes inside packed cells, as bytes.
local function union(a, i, a_end, b, j, b_end, kept)
  local out, n = {}, 0
  while n < kept and (i < a_end or j < b_end) do
    local x = i < a_end and struct.unpack('<I4', a, i) or math.huge
    local y = j < b_end and struct.unpack('<I4', b, j) or math.huge
    n = n + 1
    if x <= y then out[n] = string.sub(a, i, i + 3) else out[n] = string.sub(b, j, j + 3) end
    if x <= y then i = i + 4 end
    if y <= x then j = j + 4 end
  end
  return table.concat(out), n
end

local function merge(a, b)
  local x, y = {struct.unpack(NUMBERS, a)}, {struct.unpack(NUMBERS, b)}
  for k = 1, 13 do x[k] = x[k] + y[k] end
  local a_tail, b_tail = HEAD + 1 + 4 * x[14], HEAD + 1 + 4 * y[14]
  local first, spoke = union(a, HEAD + 1, a_tail, b, HEAD + 1, b_tail, 8)
  local second = union(a, a_tail, #a + 1, b, b_tail, #b + 1, 32)
  x[14], x[15] = spoke, nil
  return struct.pack(NUMBERS, unpack(x)) .. first .. second
end

local writes = {}
for i = 1, #deltas do
  local pairs_ = deltas[i]
  local fields = {}
  for k = 1, #pairs_, 2 do fields[#fields + 1] = pairs_[k] end
  local stored = redis.call('HMGET', KEYS[6 + i], unpack(fields))
  for k = 1, #fields do
    if stored[k] then pairs_[2 * k] = merge(stored[k], pairs_[2 * k]) end
  end
  writes[i] = pairs_
end
redis.call('ZCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
local old = {}
for level = 1, 3 do
  redis.call('ZCARD', KEYS[3 + level])
  if expired[level] > 0 then
    old[level] = redis.call(
      'ZRANGEBYSCORE', KEYS[3 + level], '-inf', expired[level], 'LIMIT', 0, limit)
  else
    old[level] = {}
  end
end

redis.call('HSET', KEYS[1], partition, new)
for i = 1, #writes do
  redis.call('HSET', KEYS[6 + i], unpack(writes[i]))
  redis.call('ZADD', KEYS[3 + windows[2 * i]], windows[2 * i - 1], KEYS[6 + i])
end
for i = 1, #series, 2 do redis.call('ZADD', KEYS[2], 'GT', series[i + 1], series[i]) end
for i = 1, #bundles, 2 do redis.call('HSET', KEYS[3], bundles[i], bundles[i + 1]) end
-- The hashes found too old stand in this shard's own index, hence in this slot.
for level = 1, 3 do
  if #old[level] > 0 then
    redis.call('UNLINK', unpack(old[level]))
    redis.call('ZREM', KEYS[3 + level], unpack(old[level]))
  end
end
return {1}
