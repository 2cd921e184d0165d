-- Follows a series no more, and removes what was counted of it.
--
-- KEYS: followed, since, version, series, ends of minutes, hours and days, ends of shelves, then the
--   hashes of cells and the shelves that may be there. ARGV: the series.
local version = redis.call('GET', KEYS[3]) or ''
for i = 4, 8 do redis.call('ZCARD', KEYS[i]) end
redis.call('HLEN', KEYS[2])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 1 then
  redis.call('SET', KEYS[3], redis.sha1hex(version .. '-' .. ARGV[1]))
end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
for i = 9, #KEYS do
  if redis.call('UNLINK', KEYS[i]) == 1 then
    for k = 5, 8 do redis.call('ZREM', KEYS[k], KEYS[i]) end
  end
end
return {1}
