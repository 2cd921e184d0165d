-- Write down with which stories some items stand, and say in which series each is new there.
--
-- KEYS: answers, their order, samples, buckets, told series, meta.
-- ARGV[1], msgpack: the number of samples that the caller had seen (-1: whatever there is), the window
--   in ms, samples and answers kept at most, samples under one key at most, then per item: its place,
--   its arrival (ms), its story, its tags, and either nothing or what to keep of it as a sample: when
--   the story began (ms), its keys, the sample, and 1 if only where the story is not known.
-- Answers per item the packed answer, or false: something unseen that it may be like was kept since, or
--   the story that it was to join is not there; ask again.
local seen, window, kept, per_key, items = unpack(cmsgpack.unpack(ARGV[1]))
local base = tonumber(redis.call('HGET', KEYS[6], 'number') or '0')
local first = tonumber(redis.call('HGET', KEYS[6], 'first') or '1')
local number = base
local out, latest = {}, 0

-- Whether a sample that the caller had not seen stands under one of these keys.
local function changed(bands)
  if seen < 0 or seen == base or #bands == 0 then return false end
  for _, bucket in ipairs(redis.call('HMGET', KEYS[4], unpack(bands))) do
    for _, n in ipairs(bucket and cmsgpack.unpack(bucket) or {}) do
      if n > seen and n <= base then return true end
    end
  end
  return false
end

-- Note that a story is told, and what was answered. With its last sample goes what was told of it, so
-- nothing is kept of a story that is not found (any more).
local function tell(place, arrived, story, tags, found)
  local packed = redis.call('HGET', KEYS[5], story)
  local told = packed and cmsgpack.unpack(packed) or {}
  local known, new = {}, {}
  for _, tag in ipairs(told) do known[tag] = true end
  for i, tag in ipairs(tags) do
    new[i] = known[tag] and 0 or 1
    if not known[tag] then told[#told + 1] = tag; known[tag] = true end
  end
  if found then redis.call('HSET', KEYS[5], story, cmsgpack.pack(told)) end
  local answer = cmsgpack.pack({arrived, story, tags, new})
  if redis.call('HSET', KEYS[1], place, answer) == 1 then redis.call('RPUSH', KEYS[2], place) end
  return answer
end

local function keep(story, sample)
  number = number + 1
  local began, bands, value = unpack(sample)
  redis.call('HSET', KEYS[3], tostring(number), cmsgpack.pack({began, story, bands, value}))
  for _, band in ipairs(bands) do
    local packed = redis.call('HGET', KEYS[4], band)
    local bucket = packed and cmsgpack.unpack(packed) or {}
    bucket[#bucket + 1] = number
    while #bucket > per_key do table.remove(bucket, 1) end
    redis.call('HSET', KEYS[4], band, cmsgpack.pack(bucket))
  end
end

local function drop(n, story, bands)
  redis.call('HDEL', KEYS[3], tostring(n))
  for _, band in ipairs(bands) do
    local packed = redis.call('HGET', KEYS[4], band)
    local left = {}
    for _, m in ipairs(packed and cmsgpack.unpack(packed) or {}) do
      if m ~= n then left[#left + 1] = m end
    end
    if #left > 0 then
      redis.call('HSET', KEYS[4], band, cmsgpack.pack(left))
    else
      redis.call('HDEL', KEYS[4], band)
    end
  end
  redis.call('HDEL', KEYS[5], story)
end

for i, item in ipairs(items) do
  local place, arrived, story, tags, sample = item[1], item[2], item[3], item[4], item[5]
  local before = redis.call('HGET', KEYS[1], place)
  local answer = before and cmsgpack.unpack(before)
  if answer then
    if table.concat(answer[3], '\0') == table.concat(tags, '\0') then
      out[i] = before
    else
      local found = redis.call('HEXISTS', KEYS[5], answer[2]) == 1
      out[i] = tell(place, answer[1], answer[2], tags, found)
    end
  elseif story == place and #sample > 0 and changed(sample[2]) then
    out[i] = false
  elseif seen >= 0 and story ~= place and redis.call('HEXISTS', KEYS[5], story) == 0 then
    out[i] = false
  else
    local known = sample[4] == 1 and redis.call('HEXISTS', KEYS[5], story) == 1
    out[i] = tell(place, arrived, story, tags, true)
    if #sample > 0 and not known then keep(story, sample) end
    latest = math.max(latest, arrived)
  end
end

-- The oldest go when they are too many, or a window older than what was told just now; of those that
-- are merely old a few at a time, so that no call takes long.
local patience = 4 * #items + 16
while first <= number do
  local held = redis.call('HGET', KEYS[3], tostring(first))
  if held then
    local began, story, bands = unpack(cmsgpack.unpack(held))
    local many = redis.call('HLEN', KEYS[3]) > kept
    if not many and (began > latest - window or patience <= 0) then break end
    drop(first, story, bands)
    patience = patience - 1
  end
  first = first + 1
end
redis.call('HSET', KEYS[6], 'number', number, 'first', first)
while true do
  local place = redis.call('LINDEX', KEYS[2], 0)
  if not place then break end
  local held = redis.call('HGET', KEYS[1], place)
  local many = redis.call('LLEN', KEYS[2]) > kept
  local old = not held or cmsgpack.unpack(held)[1] <= latest - window
  if not many and (not old or patience <= 0) then break end
  redis.call('LPOP', KEYS[2])
  redis.call('HDEL', KEYS[1], place)
  patience = patience - 1
end
return out
