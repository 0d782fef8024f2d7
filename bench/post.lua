-- What wrk sends, and its report: one line of JSON for lib/wrk.py.
wrk.method = "POST"
wrk.body = '{"vehicle_id":"vehicle-000042","power_kw":11.0,"energy_kwh":22.50}'
wrk.headers["Content-Type"] = "application/json"

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        'result {"requests":%d,"micros":%d,"p50":%d,"p99":%d,"p999":%d,"max":%d,'
            .. '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        latency:percentile(99.9), latency.max,
        errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
