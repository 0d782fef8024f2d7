-- The evening rush for wrk:  wrk -t1 -c64 -d31s -s bench/rush-hour.lua URL -- CARS SECONDS
-- Offers the cars that are plugged in at home between 16:00 and 22:00, of CARS a day, in SECONDS; the bodies are those of
-- bench/bodies.jsonl. wrk is a closed loop: each connection waits for its answer. Each connection spaces its requests like
-- its share of a Poisson process, so the sum is close to what `requester rush-hour` offers, as long as an answer takes
-- much less time than passes between two requests of a connection. Give it a second more (-d) than SECONDS.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(here .. "post.lua")
local ffi = require("ffi")
ffi.cdef [[ typedef struct { long seconds; long nanos; } moment; int clock_gettime(int clock, moment *now); ]]

-- Percent of a day's cars in each quarter of an hour from 16:00, as in the table HOME of the requester.
local QUARTERS = {
    1.106, 1.322, 1.481, 1.773, 2.250, 2.717, 3.264, 3.918, 4.551, 4.557, 4.197, 3.718,
    3.365, 3.099, 2.649, 2.431, 2.359, 2.301, 2.244, 2.194, 2.178, 2.317, 2.207, 2.230,
}
local CLOCK_MONOTONIC, NEVER = 1, 3600000
local bodies, connections, cars, seconds, began = {}, tonumber(os.getenv("CONNECTIONS")) or 64, 12000, 30, nil

local function now()
    local moment = ffi.new("moment")
    ffi.C.clock_gettime(CLOCK_MONOTONIC, moment)
    return tonumber(moment.seconds) + tonumber(moment.nanos) / 1e9
end

function init(args)
    cars, seconds = tonumber(args[1]) or cars, tonumber(args[2]) or seconds
    for line in io.lines(here .. "bodies.jsonl") do bodies[#bodies + 1] = line end
    math.randomseed(tonumber(args[3]) or 1)
end

-- Milliseconds until the next request of this connection: the next point of a Poisson process, whose rate is in the table.
function delay()
    began = began or now()
    local at = now() - began
    local left = -math.log(1 - math.random()) * connections
    local step = seconds / #QUARTERS
    local quarter = math.floor(at / step)
    while quarter < #QUARTERS do
        local rate = QUARTERS[quarter + 1] / 100 * cars / step
        local span = (quarter + 1) * step - at
        if left < rate * span then
            local wait = (at + left / rate - (now() - began)) * 1000
            -- wrk takes whole milliseconds; rounding at random keeps the mean.
            return math.max(0, math.floor(wait + math.random()))
        end
        left, at, quarter = left - rate * span, (quarter + 1) * step, quarter + 1
    end
    return NEVER
end

function request()
    return wrk.format(nil, nil, nil, bodies[math.random(#bodies)])
end
