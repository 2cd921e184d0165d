-- Follows a series no more, and removes what was counted of it.
--
-- KEYS: followed, since, version, series, ends of minutes, hours and days, ends of shelves, then the
--   hashes of cells and the shelves that may be there. ARGV: the series, and its newest minute as the
--   keys were chosen by it ("": none). Answers {1} when done, {0} if it counted in a newer one since.
if (redis.call('ZSCORE', KEYS[4], ARGV[1]) or '') ~= ARGV[2] then return {0} end
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
