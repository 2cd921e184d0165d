-- Notes stories of entities that nobody follows; answers those that have enough of them.
--
-- KEYS: names by their life, story minutes by name. All stand in one slot.
-- ARGV[1], msgpack: stories needed, window in minutes, minutes a story adds to a life, names remembered,
--   names and minutes of the stories.
local needed, window, step, kept, stories = unpack(cmsgpack.unpack(ARGV[1]))
redis.call('ZCARD', KEYS[1])
redis.call('HLEN', KEYS[2])
local enough = {}
for i = 1, #stories, 2 do
  local name = stories[i]
  local held = redis.call('HGET', KEYS[2], name)
  local minutes = held and cmsgpack.unpack(held) or {}
  minutes[#minutes + 1] = stories[i + 1]
  table.sort(minutes)
  if #minutes > needed then table.remove(minutes, 1) end
  if #minutes >= needed and minutes[#minutes] - minutes[1] < window then
    enough[#enough + 1] = name
    redis.call('ZREM', KEYS[1], name)
    redis.call('HDEL', KEYS[2], name)
  else
    redis.call('ZADD', KEYS[1], minutes[#minutes] + step * (#minutes - 1), name)
    redis.call('HSET', KEYS[2], name, cmsgpack.pack(minutes))
    if redis.call('ZCARD', KEYS[1]) > kept then
      local weakest = redis.call('ZPOPMIN', KEYS[1])
      redis.call('HDEL', KEYS[2], weakest[1])
    end
  end
end
return enough
