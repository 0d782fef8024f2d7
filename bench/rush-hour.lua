-- The evening rush for wrk:  wrk -t1 -c64 -d31s -s bench/rush-hour.lua URL -- CARS SECONDS
-- Cars that are plugged in at home between 16:00 and 22:00, of so many a day, in so many seconds; the bodies are those
-- of bench/bodies.jsonl. wrk is a closed loop: each connection waits for its answer. But what each of them asks is
-- spaced like a part of a Poisson process, so as long as answers are much faster than a connection's turn, the whole is
-- near to what `requester rush-hour` offers. Give it a second more (-d) than SECONDS.
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
dofile(here .. "post.lua")
local ffi = require("ffi")
ffi.cdef [[ typedef struct { long seconds; long nanos; } moment; int clock_gettime(int clock, moment *now); ]]

-- Percent of a day's cars in each quarter of an hour from 16:00, as in requester/src/arrivals/profile.rs.
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

-- Milliseconds until this connection asks again: the next point of a Poisson process, found by walking along the table.
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
            -- wrk knows whole milliseconds: rounded by chance, so that none is lost on average.
            return math.max(0, math.floor(wait + math.random()))
        end
        left, at, quarter = left - rate * span, (quarter + 1) * step, quarter + 1
    end
    return NEVER
end

function request()
    return wrk.format(nil, nil, nil, bodies[math.random(#bodies)])
end
