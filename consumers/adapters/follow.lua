-- Follows series, from where each partition of the shard stands now.
--
-- KEYS: states, followed, since, version.
-- ARGV[1], msgpack: entities followed at most, then names and definitions ("" of an entity).
local most, added = unpack(cmsgpack.unpack(ARGV[1]))
local version = redis.call('GET', KEYS[4]) or ''
local held = redis.call('HLEN', KEYS[2])
redis.call('HLEN', KEYS[3])
local states, begun = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #states, 2 do
  local state = cmsgpack.unpack(states[i + 1])
  begun[#begun + 1] = {tonumber(states[i]), state[1], state[2]}
end
local since = #begun > 0 and cmsgpack.pack(begun) or ''
local names = {} -- put together at the end: else many names are copied again for each
for i = 1, #added, 2 do
  local name, definition = added[i], added[i + 1]
  local full = definition == '' and held >= most
  if not full and redis.call('HEXISTS', KEYS[2], name) == 0 then
    redis.call('HSET', KEYS[2], name, definition)
    redis.call('HSET', KEYS[3], name, since)
    names[#names + 1], held = '+' .. name, held + 1
  end
end
if #names > 0 then redis.call('SET', KEYS[4], redis.sha1hex(version .. table.concat(names))) end
return {1}
