-- release: KEYS = key; ARGV = asker.
-- Answers the asker, and 1 if the key is free, or 0 if another asker or a pin keeps it with its holder.
redis.call('HDEL', KEYS[1], ARGV[1])
local fields = redis.call('HLEN', KEYS[1])
if fields > 2 then
  return {ARGV[1], 0}
end
if fields > 0 then
  redis.call('DEL', KEYS[1])
end
return {ARGV[1], 1}
