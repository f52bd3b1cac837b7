//! A pod as an instance, with the one word that `kubectl get pods` prints for it.

use crate::adapter::kubernetes::objects::{ContainerSpec, ContainerStatus, Pod, State};
use crate::adapter::kubernetes::record::Names;
use crate::domain::id::{InstanceName, RevisionId};
use crate::domain::instance::{Container, ContainerState, Exit, Instance, InstanceState};
use crate::domain::log::{Level, clean};

use super::quantity;
use super::status::condition;

/// Waiting reasons of a container that is merely on its way up.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Returns the pod as an instance of this revision.
pub fn instance(pod: &Pod, revision: RevisionId, names: &mut Names) -> Instance {
    let word = word(pod);
    let (state, ready_since) = state(pod);
    let restarts = pod.status.container_statuses.iter().map(|container| container.restart_count).sum();
    let limit = |read: fn(&ContainerSpec) -> Option<u64>| pod.spec.containers.iter().map(read).sum::<Option<u64>>();
    Instance {
        name: InstanceName::new(pod.metadata.name.as_str()),
        revision,
        state,
        message: if state == InstanceState::Ready { String::new() } else { message(pod) },
        word,
        created: pod.metadata.creation_timestamp,
        ready_since,
        restarts,
        node: pod.spec.node_name.clone(),
        memory_limit: limit(|c| c.resources.limits.as_ref()?.memory.as_deref().and_then(quantity::bytes)),
        cpu_limit_millis: limit(|c| c.resources.limits.as_ref()?.cpu.as_deref().and_then(quantity::cpu_millis).map(u64::from))
            .map(|sum| sum as u32),
        containers: containers(pod, names),
        usage: None,
    }
}

fn state(pod: &Pod) -> (InstanceState, Option<jiff::Timestamp>) {
    let ready = condition(&pod.status.conditions, "Ready").filter(|ready| ready.status == "True");
    let since = ready.and_then(|ready| ready.last_transition_time);
    if pod.metadata.deletion_timestamp.is_some() {
        return (InstanceState::Terminating, None);
    }
    let state = match pod.status.phase.as_str() {
        "Succeeded" => InstanceState::Succeeded,
        "Failed" => InstanceState::Failed,
        _ if ready.is_some() => InstanceState::Ready,
        _ if keeps_failing(pod) => InstanceState::Failed,
        _ if pod.spec.node_name.is_none() => InstanceState::Pending,
        _ if all(pod).count() == 0
            || all(pod).any(|c| starting(&c.state))
            || pod.status.init_container_statuses.iter().any(|c| c.state.running.is_some() && c.started != Some(true)) =>
        {
            InstanceState::Starting
        }
        _ => InstanceState::Unready,
    };
    (state, since.filter(|_| state == InstanceState::Ready))
}

fn all(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses)
}

fn waiting(state: &State) -> Option<&str> {
    state.waiting.as_ref().map(|waiting| waiting.reason.as_deref().unwrap_or_default())
}

fn starting(state: &State) -> bool {
    waiting(state).is_some_and(|reason| reason.is_empty() || STARTING.contains(&reason))
}

/// Image pulls that fail and back off, and crashes between two tries, flap; each is one state (api-semantics 1.7).
fn keeps_failing(pod: &Pod) -> bool {
    all(pod).any(|container| {
        let crashed = |state: &State| state.terminated.as_ref().is_some_and(|ended| ended.exit_code != 0);
        waiting(&container.state).is_some_and(|reason| !reason.is_empty() && !STARTING.contains(&reason)) || crashed(&container.state)
    })
}

/// Returns why the pod is not ready, in the cluster's words.
fn message(pod: &Pod) -> String {
    let told = all(pod).find_map(|container| container.state.waiting.as_ref()?.message.as_deref().filter(|message| !message.is_empty()));
    let unmet = |name: &str| {
        let unmet = condition(&pod.status.conditions, name).filter(|condition| condition.status != "True");
        unmet.and_then(|condition| condition.message.as_deref())
    };
    told.or(pod.status.message.as_deref()).or_else(|| unmet("PodScheduled")).or_else(|| unmet("Ready")).unwrap_or_default().to_owned()
}

fn containers(pod: &Pod, names: &mut Names) -> Vec<Container> {
    let read = |status: &ContainerStatus, init: bool, names: &mut Names| Container {
        name: names.container(&status.name),
        init,
        ready: status.ready,
        restarts: status.restart_count,
        state: match &status.state {
            State { running: Some(running), .. } => ContainerState::Running { since: running.started_at },
            State { terminated: Some(_), .. } => exit(&status.state).map_or(ContainerState::Running { since: None }, ContainerState::Ended),
            State { waiting, .. } => ContainerState::Waiting {
                reason: waiting.as_ref().and_then(|w| w.reason.clone()).unwrap_or_default(),
                message: waiting.as_ref().and_then(|w| w.message.clone()).unwrap_or_default(),
            },
        },
        last_exit: exit(&status.last_state),
    };
    let mut list: Vec<_> = pod.status.init_container_statuses.iter().map(|status| read(status, true, names)).collect();
    list.extend(pod.status.container_statuses.iter().map(|status| read(status, false, names)));
    // Before the kubelet has looked there is no status; the names are known all the same.
    for (specs, init) in [(&pod.spec.init_containers, true), (&pod.spec.containers, false)] {
        for spec in specs {
            if !list.iter().any(|container| container.name.as_str() == spec.name) {
                let state = ContainerState::Waiting { reason: String::new(), message: String::new() };
                list.push(Container { name: names.container(&spec.name), init, ready: false, restarts: 0, state, last_exit: None });
            }
        }
    }
    list.shrink_to_fit();
    list
}

fn exit(state: &State) -> Option<Exit> {
    let ended = state.terminated.as_ref()?;
    let reason = ended.reason.clone().unwrap_or_else(|| ended.signal.map_or_else(String::new, |signal| format!("signal {signal}")));
    // It may be the end of a log, 80 lines of it: the last one of trouble tells, else the last.
    let lines = || ended.message.as_deref().unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    let grave = |line: &&str| matches!(Level::of(line), Level::Error | Level::Fatal);
    let message = lines().rfind(grave).or_else(|| lines().next_back()).unwrap_or_default();
    Some(Exit { code: ended.exit_code, reason, message: clean(message).into_owned(), at: ended.finished_at })
}

/// Returns the word of kubectl's STATUS column, by its `printPod`.
pub fn word(pod: &Pod) -> String {
    let status = &pod.status;
    let mut word = status.reason.clone().unwrap_or_else(|| status.phase.clone());
    if status.conditions.iter().any(|c| c.r#type == "PodScheduled" && c.reason.as_deref() == Some("SchedulingGated")) {
        word = "SchedulingGated".into();
    }
    let mut initialising = false;
    for (index, container) in status.init_container_statuses.iter().enumerate() {
        let sidecar = pod.spec.init_containers.iter().any(|c| c.name == container.name && c.restart_policy.as_deref() == Some("Always"));
        match &container.state {
            State { terminated: Some(ended), .. } if ended.exit_code == 0 => continue,
            _ if sidecar && container.started == Some(true) => continue,
            State { terminated: Some(ended), .. } => {
                word = format!("Init:{}", ended_word(ended.reason.as_deref(), ended.signal, ended.exit_code));
            }
            State { waiting: Some(waiting), .. } if waiting.reason.as_deref().is_some_and(|r| !r.is_empty() && r != "PodInitializing") => {
                word = format!("Init:{}", waiting.reason.as_deref().unwrap_or_default());
            }
            _ => word = format!("Init:{index}/{}", pod.spec.init_containers.len().max(status.init_container_statuses.len())),
        }
        initialising = true;
        break;
    }
    if !initialising {
        let mut running = false;
        for container in status.container_statuses.iter().rev() {
            match &container.state {
                State { waiting: Some(waiting), .. } if waiting.reason.as_deref().is_some_and(|r| !r.is_empty()) => {
                    word = waiting.reason.clone().unwrap_or_default();
                }
                State { terminated: Some(ended), .. } => word = ended_word(ended.reason.as_deref(), ended.signal, ended.exit_code),
                State { running: Some(_), .. } if container.ready => running = true,
                _ => {}
            }
        }
        if word == "Completed" && running {
            let ready = condition(&status.conditions, "Ready").is_some_and(|ready| ready.status == "True");
            word = if ready { "Running".into() } else { "NotReady".into() };
        }
    }
    if pod.metadata.deletion_timestamp.is_some() {
        word = if status.reason.as_deref() == Some("NodeLost") { "Unknown".into() } else { "Terminating".into() };
    }
    word.shrink_to_fit();
    word
}

fn ended_word(reason: Option<&str>, signal: Option<i32>, code: i32) -> String {
    match (reason.filter(|reason| !reason.is_empty()), signal.filter(|signal| *signal != 0)) {
        (Some(reason), _) => reason.to_owned(),
        (None, Some(signal)) => format!("Signal:{signal}"),
        (None, None) => format!("ExitCode:{code}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(status: &Value) -> Pod {
        let spec = json!({"nodeName": "n1", "initContainers": [{"name": "i"}], "containers": [{"name": "web", "resources": {"limits": {"memory": "64Mi", "cpu": "250m"}}}]});
        serde_json::from_value(json!({"metadata": {"name": "web-abc-x2k9f", "uid": "u"}, "spec": spec, "status": status})).unwrap()
    }

    fn seen(pod: &Pod) -> (String, InstanceState) {
        let instance = instance(pod, "web-abc".into(), &mut Names::default());
        (instance.word, instance.state)
    }

    #[test]
    fn the_word_is_kubectls_and_the_state_follows() {
        let init_done = json!([{"name": "i", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]);
        for (status, word, state) in [
            (
                json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]}),
                "Init:0/1",
                InstanceState::Starting,
            ),
            (
                json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"terminated": {"exitCode": 3}}}]}),
                "Init:ExitCode:3",
                InstanceState::Failed,
            ),
            (
                json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}),
                "Init:ImagePullBackOff",
                InstanceState::Failed,
            ),
            (
                json!({"phase": "Pending", "initContainerStatuses": init_done, "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "ContainerCreating"}}}]}),
                "ContainerCreating",
                InstanceState::Starting,
            ),
            (
                json!({"phase": "Running", "initContainerStatuses": init_done, "containerStatuses": [{"name": "web", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}),
                "CrashLoopBackOff",
                InstanceState::Failed,
            ),
            (
                json!({"phase": "Running", "containerStatuses": [{"name": "web", "state": {"running": {}}}]}),
                "Running",
                InstanceState::Unready,
            ),
            (
                json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"name": "web", "ready": true, "state": {"running": {}}}]}),
                "Running",
                InstanceState::Ready,
            ),
            (json!({"phase": "Failed", "reason": "Evicted"}), "Evicted", InstanceState::Failed),
        ] {
            assert_eq!(seen(&pod(&status)), (word.to_owned(), state), "{status}");
        }
    }

    #[test]
    fn a_deleted_pod_is_terminating_whatever_it_did() {
        let mut pod = pod(&json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}));
        pod.metadata.deletion_timestamp = Some(jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(seen(&pod), ("Terminating".into(), InstanceState::Terminating));
        pod.status.reason = Some("NodeLost".into());
        assert_eq!(seen(&pod).0, "Unknown");
    }

    #[test]
    fn the_line_of_trouble_is_kept_of_what_a_container_left_behind() {
        for (left, kept) in [
            ("level=info msg=started\nlevel=fatal msg=\"no ledger\"\nlevel=info msg=bye\n", "level=fatal msg=\"no ledger\""),
            ("loading\nno ledger\n\n", "no ledger"),
            ("", ""),
        ] {
            let state: State = serde_json::from_value(json!({"terminated": {"exitCode": 1, "message": left}})).unwrap();
            assert_eq!(exit(&state).map(|exit| exit.message).as_deref(), Some(kept));
        }
    }

    #[test]
    fn limits_restarts_and_last_exits_are_read() {
        let pod = pod(
            &json!({"phase": "Running", "containerStatuses": [{"name": "web", "restartCount": 4, "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}),
        );
        let instance = instance(&pod, "web-abc".into(), &mut Names::default());
        assert_eq!((instance.restarts, instance.memory_limit, instance.cpu_limit_millis), (4, Some(64 << 20), Some(250)));
        let web = instance.containers.iter().find(|container| container.name.as_str() == "web").unwrap();
        assert_eq!(web.last_exit, Some(Exit { code: 137, reason: "OOMKilled".into(), message: String::new(), at: None }));
    }
}
