//! Whether the nodes have room for the pods that a rollout adds: each is put where it fits, one after the other.

use std::collections::BTreeMap;

use super::nodes::{Amounts, Bar, Node, Pod, add};
use super::read::{Blind, Reader};
use super::surge::Surge;
use crate::domain::release::finding::Finding;

/// Nodes and what runs on them.
pub struct Cluster {
    pub nodes: Vec<Node>,
    pub pods: Vec<Pod>,
}

impl Cluster {
    /// Reads all nodes and all pods: pods of other namespaces take room as well.
    pub async fn read(reader: &Reader) -> Result<Self, Blind> {
        let nodes = reader.list("/api/v1/nodes", "list nodes").await?;
        let pods = reader.list("/api/v1/pods", "list pods of all namespaces").await?;
        Ok(Self { nodes, pods })
    }
}

/// Returns whether all that is added fits at once: rollouts of one release may run side by side.
pub fn judge(cluster: &Cluster, surges: &[Surge]) -> Finding {
    let mut free = free(cluster);
    let adding: Vec<&Surge> = surges.iter().filter(|surge| surge.count > 0).collect();
    if adding.is_empty() {
        return Finding::pass("a rollout adds no pod");
    }
    if free.is_empty() {
        return Finding::unknown("the cluster tells of no node");
    }
    let mut placed = Vec::new();
    for surge in &adding {
        let requests = surge.pod.requests();
        for at in 0..surge.count {
            let Some(node) = best(&free, surge, &requests) else {
                return Finding::fail(shortage(&free, surge, at, &requests));
            };
            if let Some((_, left)) = free.get_mut(node) {
                take(left, &requests);
            }
        }
        placed.push(format!("{} {} ({})", surge.count, surge.name, each(&requests)));
    }
    let usable = |(node, _): &&(&Node, Amounts)| adding.iter().any(|surge| node.bar(&surge.pod).is_none());
    let left = free.iter().filter(usable).fold(Amounts::new(), |mut sum, (_, left)| {
        add(&mut sum, left);
        sum
    });
    let nodes = free.iter().filter(usable).count();
    let noun = if nodes == 1 { "node" } else { "nodes" };
    let mut words = format!("room for {} more on {nodes} {noun}, {} left then", placed.join(", "), room(&left));
    let waiting = cluster.pods.iter().filter(|pod| pod.waits()).count();
    if waiting > 0 {
        words = format!("{words}; {waiting} other {} for a node", if waiting == 1 { "pod waits" } else { "pods wait" });
    }
    if adding.iter().any(|surge| surge.pod.ruled()) {
        words.push_str("; affinity is not weighed");
    }
    Finding::pass(words)
}

fn free(cluster: &Cluster) -> Vec<(&Node, Amounts)> {
    let mut taken: BTreeMap<&str, Amounts> = BTreeMap::new();
    for pod in &cluster.pods {
        if let Some(node) = pod.node() {
            add(taken.entry(node).or_default(), &pod.spec.requests());
        }
    }
    let of = |node: &Node| {
        let mut left = node.allocatable();
        if let Some(taken) = taken.get(node.metadata.name.as_str()) {
            take(&mut left, taken);
        }
        left
    };
    cluster.nodes.iter().map(|node| (node, of(node))).collect()
}

fn take(left: &mut Amounts, requests: &Amounts) {
    for (resource, amount) in requests {
        if let Some(left) = left.get_mut(resource) {
            *left = left.saturating_sub(*amount);
        }
    }
}

/// What a pod asks for and a node has not, the scarcest first: how far it goes, in thousandths.
fn lacking<'a>(left: &Amounts, requests: &'a Amounts) -> Option<(&'a str, u64)> {
    let short = requests.iter().filter(|(_, amount)| **amount > 0).filter_map(|(resource, amount)| {
        let have = left.get(resource).copied().unwrap_or(0);
        (have < *amount).then(|| (resource.as_str(), have.saturating_mul(1000) / amount))
    });
    short.min_by_key(|(_, share)| *share)
}

/// The node where it fits and least processor is left: big pods that come later find the emptier ones.
fn best(free: &[(&Node, Amounts)], surge: &Surge, requests: &Amounts) -> Option<usize> {
    let fits = |(node, left): &(&Node, Amounts)| node.bar(&surge.pod).is_none() && lacking(left, requests).is_none();
    let found = free.iter().enumerate().filter(|(_, node)| fits(node));
    found.min_by_key(|(_, (_, left))| left.get("cpu").copied().unwrap_or(0)).map(|(at, _)| at)
}

fn shortage(free: &[(&Node, Amounts)], surge: &Surge, placed: u32, requests: &Amounts) -> String {
    let mut bars: BTreeMap<Bar, usize> = BTreeMap::new();
    for bar in free.iter().filter_map(|(node, _)| node.bar(&surge.pod)) {
        *bars.entry(bar).or_default() += 1;
    }
    let barred: Vec<String> = bars.into_iter().map(|(bar, count)| format!("{count} {}", bar.word())).collect();
    let barred = if barred.is_empty() { String::new() } else { format!("; of {} nodes {}", free.len(), barred.join(", ")) };
    let head = format!("{placed} of {} more {} fit", surge.count, surge.name);
    let open = free.iter().filter(|(node, _)| node.bar(&surge.pod).is_none());
    let nearest = open.filter_map(|(node, left)| Some((node, left, lacking(left, requests)?))).max_by_key(|(_, _, (_, share))| *share);
    match nearest {
        Some((node, left, (resource, _))) => {
            let amount = |of: &Amounts| said(resource, of.get(resource).copied().unwrap_or(0));
            let (needs, has) = (amount(requests), amount(left));
            format!("{head}: each needs {needs}, {} has the most left, {has}{barred}", node.metadata.name)
        }
        None => format!("{head}: no node takes it{barred}"),
    }
}

fn each(requests: &Amounts) -> String {
    let named: Vec<String> =
        requests.iter().filter(|(resource, _)| *resource != "pods").map(|(resource, amount)| said(resource, *amount)).collect();
    if named.is_empty() { "without requests".into() } else { format!("each {}", named.join(", ")) }
}

fn room(left: &Amounts) -> String {
    let of = |resource: &str| left.get(resource).map(|amount| said(resource, *amount));
    ["cpu", "memory", "pods"].into_iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// Returns `0.25 cores`, `64 MiB`, `98 pods`, `2 nvidia.com/gpu`.
fn said(resource: &str, amount: u64) -> String {
    let binary = |bytes: u64| {
        let mebibytes = bytes as f64 / 1_048_576.0;
        if mebibytes < 1024.0 { format!("{mebibytes:.0} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
    };
    match resource {
        "cpu" if amount == 1000 => "1 core".into(),
        "cpu" => format!("{} cores", (amount as f64 / 1000.0 * 100.0).round() / 100.0),
        "pods" if amount == 1 => "1 pod".into(),
        "memory" => binary(amount),
        "ephemeral-storage" => format!("{} of disk", binary(amount)),
        _ => format!("{amount} {resource}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::release::checklist::Verdict;

    fn node(name: &str, cpu: &str, spec: &Value) -> Node {
        let status = json!({"allocatable": {"cpu": cpu, "memory": "4Gi", "pods": "3"}});
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec, "status": status})).expect("a node")
    }

    fn taken(node: &str, cpu: &str) -> Pod {
        serde_json::from_value(json!({"spec": {"nodeName": node, "containers": [{"resources": {"requests": {"cpu": cpu}}}]},
            "status": {"phase": "Running"}}))
        .expect("a pod")
    }

    fn more(count: u32, cpu: &str) -> Surge {
        let pod = json!({"containers": [{"resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}}]});
        Surge { name: "web".into(), count, pod: serde_json::from_value(pod).expect("a template") }
    }

    fn told(nodes: Vec<Node>, pods: Vec<Pod>, surges: &[Surge]) -> (Verdict, String) {
        let finding = judge(&Cluster { nodes, pods }, surges);
        (finding.verdict, finding.evidence)
    }

    #[test]
    fn each_pod_must_fit_on_one_node() {
        let two = || vec![node("a", "2", &json!({})), node("b", "1", &json!({}))];
        let cases = [
            (
                two(),
                vec![],
                more(2, "500m"),
                Verdict::Pass,
                "room for 2 web (each 0.5 cores, 64 MiB) more on 2 nodes, 2 cores, 7.9 GiB, 4 pods left then",
            ),
            (two(), vec![], more(2, "1500m"), Verdict::Fail, "1 of 2 more web fit: each needs 1.5 cores, b has the most left, 1 core"),
            (
                two(),
                vec![taken("a", "1800m"), taken("b", "1")],
                more(1, "250m"),
                Verdict::Fail,
                "0 of 1 more web fit: each needs 0.25 cores, a has the most left, 0.2 cores",
            ),
            (
                vec![node("a", "8", &json!({"unschedulable": true})), node("b", "1", &json!({}))],
                vec![],
                more(1, "2"),
                Verdict::Fail,
                "0 of 1 more web fit: each needs 2 cores, b has the most left, 1 core; of 2 nodes 1 cordoned",
            ),
            (
                vec![node("a", "8", &json!({"unschedulable": true}))],
                vec![],
                more(1, "1"),
                Verdict::Fail,
                "0 of 1 more web fit: no node takes it; of 1 nodes 1 cordoned",
            ),
            (vec![], vec![], more(1, "1"), Verdict::Unknown, "the cluster tells of no node"),
            (two(), vec![], more(0, "9"), Verdict::Pass, "a rollout adds no pod"),
        ];
        for (nodes, pods, surge, verdict, words) in cases {
            assert_eq!(told(nodes, pods, &[surge]), (verdict, words.to_owned()));
        }
    }

    #[test]
    fn the_number_of_pods_of_a_node_is_room_as_well() {
        let full = vec![taken("a", "1m"), taken("a", "1m"), taken("a", "1m")];
        let (verdict, words) = told(vec![node("a", "8", &json!({}))], full, &[more(1, "1m")]);
        assert_eq!((verdict, words.as_str()), (Verdict::Fail, "0 of 1 more web fit: each needs 1 pod, a has the most left, 0 pods"));
    }

    #[test]
    fn what_one_service_takes_the_next_one_lacks() {
        let nodes = || vec![node("a", "2", &json!({}))];
        assert_eq!(told(nodes(), vec![], &[more(1, "1500m")]).0, Verdict::Pass);
        assert_eq!(told(nodes(), vec![], &[more(1, "1500m"), more(1, "1")]).0, Verdict::Fail);
    }

    #[test]
    fn what_is_not_weighed_is_said() {
        let ruled = json!({"affinity": {"podAntiAffinity": {}}, "containers": []});
        let surge = Surge { name: "web".into(), count: 1, pod: serde_json::from_value(ruled).expect("a template") };
        let waits: Pod = serde_json::from_value(json!({"status": {"phase": "Pending"}})).expect("a pod");
        let (verdict, words) = told(vec![node("a", "2", &json!({}))], vec![waits], &[surge]);
        assert_eq!(verdict, Verdict::Pass);
        assert!(words.ends_with("left then; 1 other pod waits for a node; affinity is not weighed"), "{words}");
    }
}
