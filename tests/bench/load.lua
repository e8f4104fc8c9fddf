-- What wrk sends: the request of a template file, with a serial number in the place of its zeros.
-- Arguments: the template; the text that marks the place; the first number, or `same` for no number at all.

local before, after, serial

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local template = file:read("*a")
  file:close()
  local first, last = assert(template:find(args[2], 1, true))
  before, after = template:sub(1, first - 1), template:sub(last + 1)
  if args[3] == "same" then
    local whole = template
    request = function() return whole end
  else
    serial = tonumber(args[3])
  end
end

function request()
  serial = serial + 1
  return before .. string.format("%012d", serial) .. after
end

-- One line of JSON for load.py. A status other than 2xx and 3xx counts as an error.
function done(summary)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
