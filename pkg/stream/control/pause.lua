-- Stops intake, or lets it go on. The part after change.lua.
--
-- ARGV  3 'pause' or 'resume', 4 why
--
-- Who pauses what is paused for the same reason changes nothing: the first one did it. Another reason is another
-- change. Who resumes where nobody ever said anything is recorded all the same: Redis may have lost the pause that
-- gateways remember.
local held = redis.call('HMGET', control, 'pause', 'why')
if ARGV[3] == 'resume' then
  if held[1] == '' then return unchanged() end
  return record({'pause', '', 'why', ''})
end
if held[1] and held[1] ~= '' and held[2] == ARGV[4] then return unchanged() end
return record({'pause', at .. ' ' .. change, 'why', ARGV[4]})
