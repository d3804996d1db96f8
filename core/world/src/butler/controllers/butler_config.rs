//! The ButlerConfig: how many teams and clusters there are, and how control planes are reached.

use butler_api::conditions::{self, Observation, Status};
use butler_api::names;
use butler_api::v1alpha1::ButlerConfig;
use butler_api::v1alpha1::butler_config::ButlerConfigStatus;
use butler_api::v1alpha1::shared::ExposureMode;
use serde_json::Value;

use super::Controller;
use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::pass::{Pass, is_deleting};

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::ButlerConfig,
    decide,
    concerned: |key, object, mirror| {
        // Only that there is one more or less of them counts.
        let came_or_went = mirror.get(key).is_none() || object.pointer("/status/phase").is_none();
        match key.kind {
            Kind::Team | Kind::TenantCluster if came_or_went => {
                vec![Key::new(Kind::ButlerConfig, "", names::BUTLER_CONFIG)]
            }
            _ => Vec::new(),
        }
    },
};

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    if is_deleting(object) {
        return;
    }
    let Some(config) = read::<ButlerConfig>(object) else {
        return;
    };
    let generation = config.metadata.generation;
    let mut status = config.status.unwrap_or_else(ButlerConfigStatus::default);
    let (ready, reason, message) = if key.name == names::BUTLER_CONFIG {
        (true, "Ready", "the settings are in use".to_owned())
    } else {
        let message = format!("only the ButlerConfig {:?} is used", names::BUTLER_CONFIG);
        (false, "InvalidConfiguration", message)
    };
    if ready {
        let exposure = config.spec.control_plane_exposure;
        let mode = exposure
            .and_then(|exposure| exposure.mode)
            .unwrap_or(ExposureMode::LoadBalancer);
        status.tcp_proxy_required = Some(mode != ExposureMode::LoadBalancer);
        status.control_plane_exposure_mode = Some(mode);
        status.cluster_count = Some(count(Kind::TenantCluster, pass.mirror));
        status.team_count = Some(count(Kind::Team, pass.mirror));
    }
    let observation = Observation {
        kind: conditions::types::READY,
        status: Status::from(ready),
        reason,
        message: &message,
        generation,
    };
    conditions::set(&mut status.conditions, &observation, pass.facts.wall);
    status.observed_generation = generation;
    pass.status(key, &status);
}

fn count(kind: Kind, mirror: &Mirror) -> i32 {
    i32::try_from(mirror.all(kind).count()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::tests::{Bench, Served, ends_the_same_wherever_it_is_cut_off};
    use super::*;

    const A_WHILE: Duration = Duration::from_secs(5);

    fn all(bench: &mut Bench) {
        bench.put(
            Kind::ButlerConfig,
            "",
            "butler",
            json!({"spec": {"controlPlaneExposure": {"mode": "Ingress"}}}),
        );
        bench.put(Kind::Team, "", "alpha", json!({"spec": {}}));
        bench.put(Kind::Team, "", "beta", json!({"spec": {}}));
        bench.run(A_WHILE);
        let spec = json!({"kubernetesVersion": "v1.34.0", "workers": {"replicas": 1}});
        bench.put(Kind::TenantCluster, "alpha", "web", json!({"spec": spec}));
        bench.delete(Kind::Team, "", "beta");
        bench.run(A_WHILE);
    }

    #[test]
    fn teams_and_clusters_are_counted() {
        let mut bench = Bench::new();
        all(&mut bench);
        let config: ButlerConfig = bench.get(Kind::ButlerConfig, "", "butler");
        let status = config.status.unwrap();
        assert_eq!((status.team_count, status.cluster_count), (Some(1), Some(1)));
        assert_eq!(status.control_plane_exposure_mode, Some(ExposureMode::Ingress));
        assert_eq!(status.tcp_proxy_required, Some(true));
        bench.delete(Kind::TenantCluster, "alpha", "web");
        bench.run(A_WHILE);
        let config: ButlerConfig = bench.get(Kind::ButlerConfig, "", "butler");
        assert_eq!(config.status.unwrap().cluster_count, Some(0));
    }

    #[test]
    fn one_of_another_name_is_not_used() {
        let mut bench = Bench::new();
        bench.put(Kind::ButlerConfig, "", "other", json!({"spec": {}}));
        bench.run(A_WHILE);
        let ready = bench.condition(Kind::ButlerConfig, "", "other", "Ready");
        assert_eq!(
            ready,
            "False InvalidConfiguration only the ButlerConfig \"butler\" is used"
        );
    }

    #[test]
    fn it_ends_the_same_wherever_it_is_cut_off() {
        ends_the_same_wherever_it_is_cut_off(all);
    }

    #[tokio::test]
    async fn a_server_takes_what_is_written_of_it() {
        let mut served = Served::start("").await;
        served.create(Kind::ButlerConfig, "", "butler", json!({"spec": {}}));
        served.create(Kind::Team, "", "alpha", json!({"spec": {}}));
        served
            .until(Kind::ButlerConfig, "", "butler", |config| {
                config["status"]["teamCount"] == 1
            })
            .await;
        served.end().await;
    }
}
