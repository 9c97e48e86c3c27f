//! Spans in the words of OpenTelemetry, and the client of its protocol.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use shoal_types::{NodeId, SpanRecord, SpanValue, Timestamp};

use super::TelemetryError;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A client of the collector at `endpoint`, which has so long for each batch.
///
/// # Errors
/// `EndpointInvalid`.
pub(super) fn client(endpoint: &str, within: Duration) -> Result<SpanExporter, TelemetryError> {
    let traces = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let builder = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
    let built = builder.with_endpoint(traces).with_timeout(within).build();
    built.map_err(|_| TelemetryError::EndpointInvalid { endpoint: endpoint.to_owned() })
}

/// What all spans of a node have in common.
pub(super) fn resource(node: NodeId, name: &str) -> Resource {
    let mut attributes = vec![
        KeyValue::new("service.instance.id", node.to_string()),
        KeyValue::new("service.version", VERSION),
    ];
    if !name.is_empty() {
        attributes.push(KeyValue::new("shoal.node.name", name.to_owned()));
    }
    Resource::builder_empty().with_service_name("shoal").with_attributes(attributes).build()
}

/// What made the spans.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("shoal").with_version(VERSION).build()
}

/// The span in the words of OpenTelemetry.
pub(super) fn translate(span: SpanRecord, scope: &InstrumentationScope) -> SpanData {
    let (trace, id) = (TraceId::from_bytes(span.trace.0), SpanId::from_bytes(span.id.0));
    let attribute = |(key, value): (&'static str, SpanValue)| match value {
        SpanValue::Text(text) => KeyValue::new(key, Value::String(text.into())),
        SpanValue::Number(number) => KeyValue::new(key, number),
    };
    SpanData {
        span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::NONE),
        parent_span_id: span.parent.map_or(SpanId::INVALID, |parent| SpanId::from_bytes(parent.0)),
        parent_span_is_remote: span.kind == shoal_types::SpanKind::Server && span.parent.is_some(),
        span_kind: match span.kind {
            shoal_types::SpanKind::Server => SpanKind::Server,
            shoal_types::SpanKind::Client => SpanKind::Client,
            shoal_types::SpanKind::Internal => SpanKind::Internal,
        },
        name: span.name,
        start_time: time(span.started_at),
        end_time: time(span.ended_at),
        attributes: span.attributes.into_iter().map(attribute).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope.clone(),
    }
}

fn time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + at.since(Timestamp::default())
}
