//! New certificates of a control plane, as somebody has asked for them on the TenantCluster: the world makes them, and they are
//! written to the Secrets that hold them. The Secret of the kubeconfig tells, in the same write, which rotation it is of.

use butler_api::labels;
use butler_api::names;
use serde_json::{Value, json};

use super::super::kinds::Kind;
use super::super::mirror::Key;
use super::super::pass::{Pass, uid};
use super::super::tenant_cluster;
use super::{Data, authority_data, kubeconfig_data};
use crate::butler::rotation::{COMPLETED, Rotation, Scope};
use crate::reconcile::plan::Change;
use crate::world::tenants::{Command, TenantFacts};

/// Takes the rotation that was asked for last a step further, unless it is done.
pub(super) fn follow(key: &Key, object: &Value, tenant: &TenantFacts, kubeconfig: &str, pass: &mut Pass<'_>) {
    let mirror = pass.mirror;
    let cluster = tenant_cluster::of_namespace(&key.namespace, mirror).and_then(|cluster| mirror.get(&cluster));
    let Some(rotation) = cluster.and_then(Rotation::of) else {
        return;
    };
    let holder = mirror.find(Kind::Secret, &key.namespace, &names::tenant_kubeconfig(&key.name));
    if holder.is_none_or(|holder| rotation.completed(holder).is_some()) {
        return;
    }
    if tenant.rotated.as_ref() == Some(&rotation.initiated) {
        write(key, &rotation, kubeconfig, pass);
        return;
    }
    let latency = pass.facts.settings.latencies.tenant_control_plane.0;
    if pass.elapsed(uid(object), &format!("rotation {}", rotation.initiated), latency) {
        pass.commands.push(Command::Rotate {
            uid: uid(object).to_owned(),
            rotation: rotation.initiated,
            scope: rotation.scope,
        });
    }
}

/// Writes what was made: the kubeconfig last, because it tells that everything is done.
fn write(key: &Key, rotation: &Rotation, kubeconfig: &str, pass: &mut Pass<'_>) {
    let authority = (rotation.scope == Scope::Authority)
        .then(|| authority_data(kubeconfig))
        .flatten();
    if let Some(data) = authority {
        patch(key, names::tenant_authority(&key.name), &json!({}), &data, pass);
    }
    let marks = json!({labels::ROTATION_INITIATED: rotation.initiated, COMPLETED: pass.facts.wall.to_string()});
    let secret = names::tenant_kubeconfig(&key.name);
    patch(key, secret, &marks, &kubeconfig_data(kubeconfig), pass);
}

fn patch(key: &Key, name: String, marks: &Value, data: &Data, pass: &mut Pass<'_>) {
    pass.changes.push(Change::Patch {
        resource: Kind::Secret.resource(),
        namespace: key.namespace.clone(),
        name,
        status: false,
        patch: json!({"metadata": {"annotations": marks}, "data": data}),
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::tests::{Bench, ends_the_same_wherever_it_is_cut_off};
    use super::*;

    const TENANTS: &str = "butler-tenants";
    const A_WHILE: Duration = Duration::from_mins(2);

    fn ask(bench: &mut Bench) {
        let provider = json!({"spec": {"provider": "inmemory"}});
        bench.put(Kind::ProviderConfig, "butler-system", "inmemory", provider);
        let spec = json!({
            "kubernetesVersion": "v1.34.0", "providerConfigRef": {"name": "inmemory"}, "workers": {"replicas": 1},
        });
        bench.put(Kind::TenantCluster, TENANTS, "web", json!({"spec": spec}));
        bench.run(A_WHILE);
    }

    fn rotate(bench: &mut Bench, initiated: &str) {
        let marks = json!({labels::ROTATION_INITIATED: initiated, labels::ROTATION_TYPE: "kubeconfigs"});
        bench.change(
            Kind::TenantCluster,
            TENANTS,
            "web",
            &json!({"metadata": {"annotations": marks}}),
        );
    }

    fn holder(bench: &Bench) -> Value {
        let namespace = bench.text(Kind::TenantCluster, TENANTS, "web", "/status/tenantNamespace");
        bench
            .find(Kind::Secret, &namespace, "web-admin-kubeconfig")
            .unwrap()
            .clone()
    }

    #[test]
    fn a_rotation_takes_its_time_writes_another_kubeconfig_and_is_carried_out_once() {
        let mut bench = Bench::new();
        ask(&mut bench);
        let before = holder(&bench);
        rotate(&mut bench, "2026-01-01T00:00:00Z");
        bench.run(Duration::from_secs(1));
        assert_eq!(holder(&bench)["data"], before["data"], "it takes a second and a half");
        bench.run(Duration::from_secs(1));
        let after = holder(&bench);
        assert_ne!(after["data"], before["data"]);
        let done = &after["metadata"]["annotations"][labels::ROTATION_INITIATED];
        assert_eq!(done, "2026-01-01T00:00:00Z");
        let writes = bench.writes;
        bench.run(A_WHILE);
        bench.restart();
        bench.run(A_WHILE);
        assert_eq!(bench.writes, writes);
        rotate(&mut bench, "2026-01-02T00:00:00Z");
        bench.run(A_WHILE);
        assert_ne!(holder(&bench)["data"], after["data"]);
    }

    #[test]
    fn a_rotation_ends_the_same_wherever_it_is_cut_off() {
        ends_the_same_wherever_it_is_cut_off(|bench| {
            ask(bench);
            rotate(bench, "2026-01-01T00:00:00Z");
            bench.run(A_WHILE);
            assert!(holder(bench)["metadata"]["annotations"][COMPLETED].is_string());
        });
    }
}
