-- Runs the source that it is given as a script of its own, and spells what came of it.
local function text(value, depth)
  local kind = type(value)
  if kind == 'string' then
    return '"' .. value:gsub('[%c\\"\127-\255]', function(c) return string.format('\\x%02x', c:byte()) end) .. '"'
  elseif kind ~= 'table' then
    return tostring(value)
  elseif depth > 4 then
    return '{...}'
  end
  local parts, rest = {}, {}
  for i = 1, #value do parts[i] = text(value[i], depth + 1) end
  for key, item in pairs(value) do
    if type(key) ~= 'number' or key < 1 or key > #value then
      rest[#rest + 1] = text(key, 9) .. '=' .. text(item, depth + 1)
    end
  end
  table.sort(rest)
  for _, part in ipairs(rest) do parts[#parts + 1] = part end
  return '{' .. table.concat(parts, ', ') .. '}'
end
local function spell(ok, ...)
  local parts = {}
  for i = 1, select('#', ...) do parts[i] = text((select(i, ...)), 0) end
  return (ok and '' or 'error ') .. table.concat(parts, ', ')
end
return spell(pcall(assert(loadstring(ARGV[1], '@user_script'))))
