-- Adds a key, or revokes one. The part after change.lua.
--
-- ARGV  3 'add' or 'revoke', 4 the key's id
--       when adding: 5 'a' if it has the scope admin, else '-', 6 the key as JSON, 7 most keys
--
-- As long as there are keys, one of them has admin: else nobody could make another, or revoke any.
-- Changes nothing and returns {'full'}, {'taken'}, {'no admin'} or {'unknown'}. Adding what is there already is done:
-- the reply to the first try was lost.
local field = 'key:' .. ARGV[4]
local counts = redis.call('HMGET', control, 'keys', 'admins')
local keys, admins = tonumber(counts[1] or '0'), tonumber(counts[2] or '0')
local held = redis.call('HGET', control, field)

local function counted(more, admin)
  return 'keys', string.format('%.0f', keys + more), 'admins', string.format('%.0f', admins + (admin == 'a' and more or 0))
end

if ARGV[3] == 'add' then
  local key = ARGV[5] .. ' ' .. ARGV[6]
  if held then
    if string.match(held, '^%d+ (.*)$') == key then return unchanged() end
    return {'taken'}
  end
  if keys >= tonumber(ARGV[7]) then return {'full'} end
  if admins == 0 and ARGV[5] ~= 'a' then return {'no admin'} end
  return record({field, at .. ' ' .. key, counted(1, ARGV[5])})
end

if not held then return {'unknown'} end
local admin = string.match(held, '^%d+ (%S)')
if admin == 'a' and admins == 1 and keys > 1 then return {'no admin'} end
local done = record({counted(-1, admin)})
redis.call('HDEL', control, field)
return done
