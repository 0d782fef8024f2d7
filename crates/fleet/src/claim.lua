-- claim: KEYS = key; ARGV = asker, candidate, fingerprint, milliseconds to live.
-- Answers the asker and its holder, or the asker and nothing if the key came with another charge.
local entry = redis.call('HMGET', KEYS[1], 'h', 'f', 'p', ARGV[1])
if not entry[1] then
  redis.call('HSET', KEYS[1], 'h', ARGV[2], 'f', ARGV[3], ARGV[1], '')
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {ARGV[1], ARGV[2]}
end
if entry[2] ~= ARGV[3] then
  return {ARGV[1], false}
end
if not entry[3] and not entry[4] then
  -- Holder, fingerprint and sixteen askers: beyond that the key stays with its holder.
  if redis.call('HLEN', KEYS[1]) < 18 then
    redis.call('HSET', KEYS[1], ARGV[1], '')
  else
    redis.call('HSET', KEYS[1], 'p', '')
  end
end
return {ARGV[1], entry[1]}
