-- What every change does beside its own. It is the first part of pause.lua, limits.lua and keys.lua.
--
-- KEYS  1 control
-- ARGV  1 a random id, 2 the change as JSON, without its time; then those of the part that follows
--
-- Each part returns {'at', version}, the version in which the change is in force, or the name of why it changed nothing.
local control, mark, change = KEYS[1], ARGV[1], ARGV[2]

local clock = redis.call('TIME')
local at = string.format('%.0f', tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000))

local number, life = string.match(redis.call('HGET', control, 'version') or '', '^(%d+) (%S+)')

-- Answers that all is as it was asked for.
local function unchanged() return {'at', number} end

-- Writes the fields (names and values), the change into the log, and a new version.
local function record(fields)
  local n = tonumber(number or '0') + 1
  number = string.format('%.0f', n)
  redis.call('PERSIST', control) -- a full Redis refuses HSET as the first write
  redis.call('HSET', control, 'version', number .. ' ' .. (life or mark) .. ' ' .. mark,
    'log:' .. string.format('%.0f', n % 50), at .. ' ' .. change)
  for i = 1, #fields, 2 do redis.call('HSET', control, fields[i], fields[i + 1]) end
  return {'at', number}
end

