//! Clusters that filters call by name: the mesh has to know each one, and to prove who answers.

use serde_json::Value;

use super::is_among;
use crate::finding::Finding;
use crate::overlay::{Overlay, Resource};

/// What is wrong with a cluster that `at` names in `field`.
pub(super) fn check(overlay: &Overlay, at: &Resource, field: &str, cluster: &str) -> Vec<Finding> {
    // Istio names a cluster `outbound|PORT|SUBSET|HOST`.
    let [direction, port, _, host] = cluster.split('|').collect::<Vec<_>>()[..] else {
        let what = "is not Istio's name of a cluster";
        let mend = "cluster: outbound|443||api.example.com";
        return vec![Finding::mistake(at, field, what, mend)];
    };
    if direction != "outbound" {
        let mend = format!("cluster: outbound|{port}||{host}");
        return vec![Finding::mistake(at, field, "doesn't lead out", mend)];
    }
    let entry = overlay
        .of("ServiceEntry")
        .find(|entry| is_among(host, entry.items("/spec/hosts")));
    match entry {
        Some(entry) => {
            let wrong = without_port(entry, port, "number", at, field);
            let outside = entry.text("/spec/location") != Some("MESH_INTERNAL");
            let unverified = outside.then(|| unverified(overlay, entry, host));
            wrong.into_iter().chain(unverified.flatten()).collect()
        }
        None => match host.strip_suffix(IN_CLUSTER) {
            Some(service) => in_cluster(overlay, service, port, at, field)
                .into_iter()
                .collect(),
            None => vec![Finding::mistake(
                at,
                field,
                format!("no ServiceEntry has the host `{host}`: the call would fail"),
                "add a ServiceEntry and a DestinationRule as in istio/base/providers, see docs/add-a-provider.md",
            )],
        },
    }
}

const IN_CLUSTER: &str = ".svc.cluster.local";

/// Services of other namespaces aren't in an overlay: they can't be told from a slip.
fn in_cluster(
    overlay: &Overlay,
    service: &str,
    port: &str,
    at: &Resource,
    field: &str,
) -> Option<Finding> {
    let (name, namespace) = service.split_once('.').unwrap_or((service, ""));
    // The API server.
    if (name, namespace) == ("kubernetes", "default") {
        return None;
    }
    let mut services = overlay.of("Service");
    if let Some(service) =
        services.find(|service| service.name == name && service.namespace == namespace)
    {
        return without_port(service, port, "port", at, field);
    }
    let what =
        format!("Service {namespace}/{name} isn't among what was read: it must be in the cluster");
    let mend = format!("`oc get service {name} -n {namespace}` shows it");
    if namespace == at.namespace && overlay.has_workload {
        return Some(Finding::mistake(at, field, what, mend));
    }
    Some(Finding::remark(at, field, what, mend))
}

fn without_port(
    of: &Resource,
    port: &str,
    member: &str,
    at: &Resource,
    field: &str,
) -> Option<Finding> {
    let port: u64 = port.parse().unwrap_or_default();
    let ports = of.items("/spec/ports");
    let there = ports
        .iter()
        .any(|one| one.get(member) == Some(&Value::from(port)));
    (!there).then(|| {
        let what = format!("{} has no port {port}", of.title());
        Finding::mistake(at, field, what, "name a port that it has")
    })
}

/// TLS to a host outside checks a certificate for the names that the host has.
fn unverified(overlay: &Overlay, entry: &Resource, host: &str) -> Option<Finding> {
    let rule = overlay
        .of("DestinationRule")
        .find(|rule| rule.text("/spec/host") == Some(host));
    let Some(rule) = rule else {
        return Some(Finding::mistake(
            entry,
            "spec.hosts",
            format!("no DestinationRule for `{host}`: the call would leave without TLS"),
            "add one with tls.mode SIMPLE, sni, subjectAltNames and caCertificates",
        ));
    };
    let tls = "/spec/trafficPolicy/tls";
    let mode = rule.text(&format!("{tls}/mode")).unwrap_or_default();
    let names = rule.items(&format!("{tls}/subjectAltNames"));
    let checked = matches!(mode, "SIMPLE" | "MUTUAL") && !names.is_empty();
    (!checked).then(|| {
        let what = "the certificate of the other side isn't checked for its name";
        let mend = "tls.mode SIMPLE or MUTUAL, with subjectAltNames";
        Finding::mistake(rule, "spec.trafficPolicy.tls", what, mend)
    })
}
