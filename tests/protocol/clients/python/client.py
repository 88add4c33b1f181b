"""Exports one of everything with the OpenTelemetry SDK: client.py PROTOCOL ENDPOINT KEY, protocol `http/protobuf` or `grpc`."""

import logging
import sys

from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

protocol, endpoint, key = sys.argv[1:]
if protocol == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    def exporter(kind, _path):
        return kind(endpoint=endpoint, insecure=True, headers=(("authorization", f"Bearer {key}"),))
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    def exporter(kind, path):
        return kind(endpoint=endpoint + path, headers={"authorization": f"Bearer {key}"})

resource = Resource.create({"service.name": "client", "service.version": "1.2.3", "client.protocol": protocol})

tracers = TracerProvider(resource=resource)
tracers.add_span_processor(SimpleSpanProcessor(exporter(OTLPSpanExporter, "/v1/traces")))
tracer = tracers.get_tracer("client.scope", "0.1")

with tracer.start_as_current_span("linked") as linked:
    context = linked.get_span_context()

with tracer.start_as_current_span(
    "work",
    kind=trace.SpanKind.SERVER,
    links=[trace.Link(context, {"link.kind": "follows"})],
    attributes={"a.string": "grün", "a.bool": True, "an.int": -9007199254740991, "a.double": 0.1, "texts": ["a", "b"], "ints": [1, 2]},
) as span:
    span.add_event("step", {"step.number": 3})
    try:
        raise ValueError("it went wrong")
    except ValueError as error:
        span.record_exception(error)
        span.set_status(trace.Status(trace.StatusCode.ERROR, "it went wrong"))
    print(f"trace {span.get_span_context().trace_id:032x}")

    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(exporter(OTLPLogExporter, "/v1/logs")))
    from opentelemetry._logs import LogRecord, SeverityNumber

    loggers.get_logger("client.scope").emit(
        LogRecord(
            timestamp=1_700_000_000_000_000_001,
            severity_number=SeverityNumber.ERROR,
            severity_text="ERROR",
            body="a line",
            attributes={"log.number": 7},
        )
    )

reader = PeriodicExportingMetricReader(exporter(OTLPMetricExporter, "/v1/metrics"), export_interval_millis=3_600_000)
meters = MeterProvider(
    resource=resource,
    metric_readers=[reader],
    views=[View(instrument_name="sizes", aggregation=ExponentialBucketHistogramAggregation())],
)
meter = meters.get_meter("client.scope")
meter.create_counter("requests", unit="1").add(5, {"route": "/a"})
meter.create_gauge("temperature").set(21.5)
durations = meter.create_histogram("durations", unit="s")
sizes = meter.create_histogram("sizes", unit="By")
for value in (0.5, 1.5, 300.0):
    durations.record(value)
    sizes.record(value)

meters.shutdown()
loggers.shutdown()
tracers.shutdown()
