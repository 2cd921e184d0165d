-- One step of `count`: all of it, or nothing.
--
-- KEYS: states, series, bundles, ends of minutes, hours and days, spans and ends of story lines,
--   version of the registry, sources, followed, then one hash of cells each, then one shelf of lines
--   each.
-- ARGV[1], msgpack: partition, expected state or "", new state, end and level of each hash of cells,
--   fields and packed cells of each, series and minutes, bundle hashes and names,
--   per level the end up to which windows are too old, how many of those to delete at most,
--   the position that the lines must go up to for the step to carry them on ("": none), the positions
--   of the step ("": leave the spans as they are), minutes and entries of each shelf, what each keeps
--   (lines that it may hold, its newest, then ages and lines of a minute), the version of the registry
--   that the step was folded under ("any": no matter), how many sources are kept, sources and minutes,
--   a series and the words by which it must be followed ("": no series).
-- Answers {1} when done, {0} or {0, the state held}, or {2, the version} under another registry.
--
-- Rule: everything is read, and every type is met, before the first write: an error in the middle
-- would leave half a step, for Redis does not roll back.
local partition, expected, new, windows, deltas, series, bundles, expired, limit, lines, under, named,
  defined = unpack(cmsgpack.unpack(ARGV[1]))

local anchor, began, position, shelves, keepings = unpack(lines)
local CELLS = 11 -- keys before those of cells
local LINES = CELLS + #deltas

if defined[1] ~= '' and redis.call('HGET', KEYS[11], defined[1]) ~= defined[2] then return {0} end
local held = redis.call('HGET', KEYS[1], partition)
if held == new then return {1} end
if (held or '') ~= expected then
  if held then return {0, held} end
  return {0}
end
local version = redis.call('GET', KEYS[9]) or ''
if under ~= 'any' and under ~= version then return {2, version} end

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

-- Deletes keys, and strikes them from their index; the stack of a call does not hold any number.
local function delete(index, names)
  for first = 1, #names, 1000 do
    local last = math.min(first + 999, #names)
    redis.call('UNLINK', unpack(names, first, last))
    redis.call('ZREM', index, unpack(names, first, last))
  end
end

-- Lets go of what a shelf does not keep (see `core/shelf.py`): beyond its newest lines, all of a minute
-- but the surest, which stand last in it. Members that one call removes are few: the stack is small.
local function tidy(key, newest, ages)
  local held = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  local last, minute, rank, most, gone = tonumber(held[#held]), nil, 0, 0, {}
  for place = #held / 2, 1, -1 do
    local at = tonumber(held[2 * place])
    if at == minute then
      rank = rank + 1
    else
      minute, rank, most = at, 1, 0
      for k = #ages - 1, 1, -2 do
        if last - at < ages[k] then most = ages[k + 1] end
      end
    end
    if rank > most and place <= #held / 2 - newest then gone[#gone + 1] = held[2 * place - 1] end
  end
  for first = 1, #gone, 1000 do
    redis.call('ZREM', key, unpack(gone, first, math.min(first + 999, #gone)))
  end
end

local writes = {}
for i = 1, #deltas do
  local pairs_ = deltas[i]
  local fields = {}
  for k = 1, #pairs_, 2 do fields[#fields + 1] = pairs_[k] end
  local stored = redis.call('HMGET', KEYS[CELLS + i], unpack(fields))
  for k = 1, #fields do
    if stored[k] then pairs_[2 * k] = merge(stored[k], pairs_[2 * k]) end
  end
  writes[i] = pairs_
end
redis.call('ZCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
local known, sources = redis.call('ZCARD', KEYS[10]), named[2]
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

local since, go_on = string.match(redis.call('HGET', KEYS[7], partition) or '', '(%d+) (%d+)')
if not since or go_on ~= anchor then since = began end
local bare = {}
if expired[1] > 0 then
  bare = redis.call('ZRANGEBYSCORE', KEYS[8], '-inf', expired[1], 'LIMIT', 0, limit)
else
  redis.call('ZCARD', KEYS[8])
end
local sizes = {}
for i = 1, #shelves do sizes[i] = redis.call('ZCARD', KEYS[LINES + i]) end

redis.call('HSET', KEYS[1], partition, new)
if position ~= '' then redis.call('HSET', KEYS[7], partition, since .. ' ' .. position) end
delete(KEYS[8], bare)
for i = 1, #writes do
  redis.call('HSET', KEYS[CELLS + i], unpack(writes[i]))
  redis.call('ZADD', KEYS[3 + windows[2 * i]], windows[2 * i - 1], KEYS[CELLS + i])
end
for i = 1, #shelves do
  local key, entries = KEYS[LINES + i], shelves[i]
  local allowed, newest, ages = unpack(keepings[i])
  redis.call('ZADD', key, unpack(entries))
  if sizes[i] + #entries / 2 > allowed then tidy(key, newest, ages) end
  local gone = 0
  if expired[1] > 0 then
    gone = redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. expired[1])
  end
  if gone == 0 or redis.call('EXISTS', key) == 1 then
    redis.call('ZADD', KEYS[8], 'GT', entries[#entries - 1] + 1, key)
  else
    redis.call('ZREM', KEYS[8], key)
  end
end
for i = 1, #series, 2 do redis.call('ZADD', KEYS[2], 'GT', series[i + 1], series[i]) end
for i = 1, #bundles, 2 do redis.call('HSET', KEYS[3], bundles[i], bundles[i + 1]) end
for i = 1, #sources, 2 do redis.call('ZADD', KEYS[10], 'GT', sources[i + 1], sources[i]) end
if known + #sources / 2 > named[1] then
  redis.call('ZREMRANGEBYRANK', KEYS[10], 0, -named[1] - 1)
end
-- The hashes found too old stand in this shard's own index, hence in this slot.
for level = 1, 3 do delete(KEYS[3 + level], old[level]) end
return {1}
