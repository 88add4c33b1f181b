// Exports one of everything with the OpenTelemetry SDK: client.js PROTOCOL ENDPOINT KEY, protocol `http/protobuf`,
// `http/json` or `grpc`.

const { SpanKind, SpanStatusCode, context, trace } = require("@opentelemetry/api");
const { SeverityNumber } = require("@opentelemetry/api-logs");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { LoggerProvider, SimpleLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const { AggregationType, MeterProvider, PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");
const { NodeTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-node");

const [protocol, endpoint, key] = process.argv.slice(2);

function exporters() {
  const kind = { "http/protobuf": "proto", "http/json": "http", grpc: "grpc" }[protocol];
  const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`);
  const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${kind}`);
  const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${kind}`);
  if (kind === "grpc") {
    const grpc = require("@grpc/grpc-js");
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${key}`);
    const options = { url: endpoint, metadata, credentials: grpc.credentials.createInsecure() };
    return [new OTLPTraceExporter(options), new OTLPLogExporter(options), new OTLPMetricExporter(options)];
  }
  const options = (path) => ({ url: endpoint + path, headers: { authorization: `Bearer ${key}` } });
  return [
    new OTLPTraceExporter(options("/v1/traces")),
    new OTLPLogExporter(options("/v1/logs")),
    new OTLPMetricExporter(options("/v1/metrics")),
  ];
}

async function main() {
  const [spans, logs, metrics] = exporters();
  const resource = resourceFromAttributes({
    "service.name": "client",
    "service.version": "1.2.3",
    "client.protocol": protocol,
  });

  const tracers = new NodeTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(spans)] });
  tracers.register();
  const tracer = tracers.getTracer("client.scope", "0.1");
  const linked = tracer.startSpan("linked");
  linked.end();
  const span = tracer.startSpan("work", {
    kind: SpanKind.SERVER,
    links: [{ context: linked.spanContext(), attributes: { "link.kind": "follows" } }],
    attributes: {
      "a.string": "grün",
      "a.bool": true,
      "an.int": -9007199254740991,
      "a.double": 0.1,
      texts: ["a", "b"],
      ints: [1, 2],
    },
  });
  span.addEvent("step", { "step.number": 3 });
  span.recordException(new TypeError("it went wrong"));
  span.setStatus({ code: SpanStatusCode.ERROR, message: "it went wrong" });
  console.log(`trace ${span.spanContext().traceId}`);

  const loggers = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter: logs })] });
  loggers.getLogger("client.scope").emit({
    timestamp: [1700000000, 1],
    severityNumber: SeverityNumber.ERROR,
    severityText: "ERROR",
    body: "a line",
    attributes: { "log.number": 7 },
    context: trace.setSpan(context.active(), span),
  });
  span.end();

  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3600000 });
  const aggregation = { type: AggregationType.EXPONENTIAL_HISTOGRAM };
  const meters = new MeterProvider({ resource, readers: [reader], views: [{ instrumentName: "sizes", aggregation }] });
  const meter = meters.getMeter("client.scope");
  meter.createCounter("requests", { unit: "1" }).add(5, { route: "/a" });
  meter.createGauge("temperature").record(21.5);
  const durations = meter.createHistogram("durations", { unit: "s" });
  const sizes = meter.createHistogram("sizes", { unit: "By" });
  for (const value of [0.5, 1.5, 300.0]) {
    durations.record(value);
    sizes.record(value);
  }

  await meters.shutdown();
  await loggers.shutdown();
  await tracers.shutdown();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
