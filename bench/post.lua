-- What wrk sends, and its report: one line of JSON for lib/wrk.py. Arguments behind `--`, in any order:
--   body=FILE    send this file instead of a usual charge
--   keys=PREFIX  give each request an Idempotency-Key of its own, which begins with PREFIX
--   close        ask the server to close the connection after each answer
wrk.method = "POST"
wrk.body = '{"vehicle_id":"vehicle-000042","power_kw":11.0,"energy_kwh":22.50}'
wrk.headers["Content-Type"] = "application/json"

local before, after, count = nil, nil, 0

local function keyed()
    count = count + 1
    return before .. string.format("%012d", count) .. after
end

function init(args)
    local prefix
    for _, argument in ipairs(args) do
        local name, value = argument:match("^(%w+)=?(.*)$")
        if name == "body" then
            local file = assert(io.open(value, "rb"))
            wrk.body = file:read("*a")
            file:close()
        elseif name == "keys" then
            prefix = value
        elseif name == "close" then
            wrk.headers["Connection"] = "close"
        end
    end
    -- The bytes of a request are made once. Only a key changes in them.
    local whole = wrk.format()
    if prefix then
        wrk.headers["Idempotency-Key"] = prefix .. "@"
        local parted = wrk.format()
        local first, last = parted:find(prefix .. "@", 1, true)
        before, after = parted:sub(1, last - 1), parted:sub(last + 1)
        request = keyed
    else
        request = function() return whole end
    end
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        'result {"requests":%d,"micros":%d,"p50":%d,"p99":%d,"p999":%d,"max":%d,'
            .. '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        latency:percentile(99.9), latency.max,
        errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
