-- What wrk sends: the request of a template file, with a serial number in the place of its zeros and one of several
-- credentials in the place of its own.
-- Arguments: the template; the text that marks the number's place; the first number, or `same` for no number at all;
-- the text that marks the credential's place; a file with a credential in each line.

local heads, after, serial

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local template = file:read("*a")
  file:close()
  local first, last = assert(template:find(args[2], 1, true))
  local before = template:sub(1, first - 1)
  after = template:sub(last + 1)
  first, last = assert(before:find(args[4], 1, true))
  local head, middle = before:sub(1, first - 1), before:sub(last + 1)
  -- Put together now: a request is then as cheap to write with many credentials as with one.
  heads = {}
  for credential in io.lines(args[5]) do
    heads[#heads + 1] = head .. credential .. middle
  end
  if args[3] == "same" then
    local whole = heads[1] .. args[2] .. after
    request = function() return whole end
  else
    serial = tonumber(args[3])
  end
end

function request()
  serial = serial + 1
  return heads[serial % #heads + 1] .. string.format("%012d", serial) .. after
end

-- One line of JSON for load.py. A status other than 2xx and 3xx counts as an error.
function done(summary)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
