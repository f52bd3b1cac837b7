//! An API event in the domain's words, in both of its forms: `count` and `lastTimestamp`, or `series` and `eventTime`.

use crate::adapter::kubernetes::objects;
use crate::domain::event::Event;

/// Returns the event; none for one without any time.
pub fn read(raw: objects::Event) -> Option<Event> {
    let series = raw.series.unwrap_or_default();
    let at =
        series.last_observed_time.or(raw.last_timestamp).or(raw.event_time).or(raw.first_timestamp).or(raw.metadata.creation_timestamp)?;
    let source = raw.source.component.filter(|source| !source.is_empty()).or(raw.reporting_component).unwrap_or_default();
    Some(Event {
        at,
        warning: raw.r#type.as_deref() == Some("Warning"),
        reason: raw.reason.unwrap_or_default(),
        about: format!("{} {}", raw.involved_object.kind, raw.involved_object.name),
        message: raw.message.unwrap_or_default(),
        count: series.count.or(raw.count).unwrap_or(1).max(1),
        source,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn both_forms_tell_their_last_time_and_count() {
        let about = json!({"kind": "Pod", "name": "web-1"});
        let old = json!({"involvedObject": about, "reason": "BackOff", "type": "Warning", "count": 7, "firstTimestamp": "2026-01-01T00:00:00Z",
                         "lastTimestamp": "2026-01-01T00:05:00Z", "source": {"component": "kubelet"}, "message": "again"});
        let new = json!({"involvedObject": about, "reason": "Scheduled", "type": "Normal", "eventTime": "2026-01-01T00:05:00.000001Z",
                         "reportingComponent": "scheduler", "firstTimestamp": null, "lastTimestamp": null});
        let read = |json| super::read(serde_json::from_value(json).unwrap()).unwrap();
        let (old, new) = (read(old), read(new));
        assert_eq!((old.count, old.warning, old.source.as_str(), old.about.as_str()), (7, true, "kubelet", "Pod web-1"));
        assert_eq!((new.count, new.warning, new.source.as_str()), (1, false, "scheduler"));
        assert_eq!(old.at, "2026-01-01T00:05:00Z".parse().unwrap());
    }
}
