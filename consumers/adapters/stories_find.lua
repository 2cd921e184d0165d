-- What is known of some items: what was answered before, and the samples that share a key with each.
--
-- KEYS: answers, samples, buckets, meta.
-- ARGV[1], msgpack: samples per item at most, then per item its place and its keys.
-- Answers the number of samples ever kept, then per item its answer (or false) and its samples.
local most, items = unpack(cmsgpack.unpack(ARGV[1]))
local out = {tonumber(redis.call('HGET', KEYS[4], 'number') or '0')}

for _, item in ipairs(items) do
  local place, bands = item[1], item[2]
  local held = redis.call('HGET', KEYS[1], place)
  local found = {}
  if not held and #bands > 0 then
    local shared, numbers = {}, {}
    for _, bucket in ipairs(redis.call('HMGET', KEYS[3], unpack(bands))) do
      for _, number in ipairs(bucket and cmsgpack.unpack(bucket) or {}) do
        if not shared[number] then numbers[#numbers + 1] = number end
        shared[number] = (shared[number] or 0) + 1
      end
    end
    table.sort(numbers, function(a, b)
      if shared[a] ~= shared[b] then return shared[a] > shared[b] end
      return a < b
    end)
    local wanted = {}
    for i = 1, math.min(most, #numbers) do wanted[i] = tostring(numbers[i]) end
    if #wanted > 0 then
      for _, kept in ipairs(redis.call('HMGET', KEYS[2], unpack(wanted))) do
        if kept then found[#found + 1] = cmsgpack.unpack(kept)[4] end
      end
    end
  end
  out[#out + 1] = {held, found}
end
return out
