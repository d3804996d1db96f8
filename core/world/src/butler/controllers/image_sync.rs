//! ImageSyncs: an image of the factory comes to a platform, in the stages of the real one. Only the simulated platform takes
//! images.

use std::time::Duration;

use butler_api::conditions::{self, Observation, Status};
use butler_api::labels::FINALIZER_IMAGE_SYNC;
use butler_api::names;
use butler_api::v1alpha1::butler_config::ImageFactory;
use butler_api::v1alpha1::image_sync::{Arch, ImageSyncPhase, ImageSyncSpec, ImageSyncStatus};
use butler_api::v1alpha1::shared::ProviderType;
use butler_api::v1alpha1::{ButlerConfig, ImageSync, ProviderConfig};
use serde_json::Value;

use super::kinds::Kind;
use super::mirror::{Key, read};
use super::pass::{Pass, is_deleting, uid};
use super::{Controller, RETRY};

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::ImageSync,
    decide,
    concerned: |key, _, mirror| match key.kind {
        Kind::ButlerConfig | Kind::ProviderConfig => mirror.all(Kind::ImageSync).map(|(key, _)| key.clone()).collect(),
        _ => Vec::new(),
    },
};

/// Why an image does not come.
struct Failure {
    reason: &'static str,
    message: String,
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    if is_deleting(object) {
        pass.drop_finalizer(key, FINALIZER_IMAGE_SYNC);
        return;
    }
    if !pass.has_finalizer(key, FINALIZER_IMAGE_SYNC) {
        return;
    }
    let Some(image) = read::<ImageSync>(object) else {
        return;
    };
    let generation = image.metadata.generation;
    let mut status = image.status.unwrap_or_else(ImageSyncStatus::default);
    let before = (status.phase.clone(), status.observed_generation);
    if before == (Some(ImageSyncPhase::Ready), generation) {
        return;
    }
    let phase = match check(key, &image.spec, pass) {
        Ok(factory) => {
            status.failure_reason = None;
            status.failure_message = None;
            status.artifact_url = Some(artifact(&factory, &image.spec));
            advance(key, uid(object), &mut status, generation, pass)
        }
        Err(failure) => {
            status.provider_task_id = None;
            status.failure_reason = Some(failure.reason.to_owned());
            status.failure_message = Some(failure.message);
            // What it waits for may come without anybody telling.
            pass.again_in(RETRY);
            ImageSyncPhase::Failed
        }
    };
    observe(&mut status, &phase, generation, pass);
    status.observed_generation = generation;
    if (Some(phase.clone()), generation) != before {
        status.last_updated = Some(pass.time());
    }
    status.phase = Some(phase);
    pass.status(key, &status);
}

/// What an image needs before anything begins: a factory, and a platform that takes it.
fn check(key: &Key, spec: &ImageSyncSpec, pass: &Pass<'_>) -> Result<ImageFactory, Failure> {
    let config: Option<ButlerConfig> = pass.mirror.typed(Kind::ButlerConfig, "", names::BUTLER_CONFIG);
    let factory = config
        .and_then(|config| config.spec.image_factory)
        .ok_or_else(|| Failure {
            reason: "ImageFactoryNotConfigured",
            message: "ButlerConfig.spec.imageFactory is not configured".to_owned(),
        })?;
    let name = &spec.provider_config_ref.name;
    let namespace = spec.provider_config_ref.namespace.as_deref().unwrap_or(&key.namespace);
    let provider: Option<ProviderConfig> = pass.mirror.typed(Kind::ProviderConfig, namespace, name);
    let provider = provider.ok_or_else(|| Failure {
        reason: "ProviderConfigError",
        message: format!(
            "failed to get ProviderConfig {namespace}/{name}: ProviderConfig.butler.butlerlabs.dev \"{name}\" not found"
        ),
    })?;
    if provider.spec.provider != ProviderType::InMemory {
        return Err(Failure {
            reason: "NotSimulated",
            message: format!(
                "platform {:?} is not simulated: it takes no images",
                provider.spec.provider.as_str()
            ),
        });
    }
    if let Some(words) = pass.facts.settings.faults.images.get(&key.name) {
        return Err(Failure {
            reason: "ImageSyncFailed",
            message: words.clone(),
        });
    }
    Ok(factory)
}

/// Where the factory has an image.
fn artifact(factory: &ImageFactory, spec: &ImageSyncSpec) -> String {
    let image = &spec.factory_ref;
    format!(
        "{}/image/{}/{}/{}-{}.{}",
        factory.url.trim_end_matches('/'),
        image.schematic_id,
        image.version,
        image.platform.as_deref().unwrap_or("nocloud"),
        image.arch.as_ref().unwrap_or(&Arch::Amd64),
        spec.format.as_deref().unwrap_or("qcow2")
    )
}

/// The stage after the present one, when that has taken its time. One that failed, or is to be another image, begins anew.
fn advance(
    key: &Key,
    uid: &str,
    status: &mut ImageSyncStatus,
    generation: Option<i64>,
    pass: &mut Pass<'_>,
) -> ImageSyncPhase {
    let latencies = &pass.facts.settings.latencies;
    let same = status.observed_generation == generation;
    let present = status.phase.clone().filter(|_| same).unwrap_or(ImageSyncPhase::Pending);
    let (stage, latency, next) = match present {
        ImageSyncPhase::Building => ("building", latencies.image_build.0, ImageSyncPhase::Downloading),
        ImageSyncPhase::Downloading => ("downloading", latencies.image_download.0, ImageSyncPhase::Uploading),
        ImageSyncPhase::Uploading => ("uploading", latencies.image_upload.0, ImageSyncPhase::Ready),
        _ if status.phase.is_none() => return ImageSyncPhase::Pending,
        _ => ("pending", Duration::ZERO, ImageSyncPhase::Building),
    };
    if !pass.elapsed(uid, &format!("image {stage} {generation:?}"), latency) {
        return present;
    }
    status.provider_task_id = (next == ImageSyncPhase::Uploading).then(|| format!("upload-{}", key.name));
    status.provider_image_ref = (next == ImageSyncPhase::Ready).then(|| format!("inmemory/{}", key.name));
    next
}

fn observe(status: &mut ImageSyncStatus, phase: &ImageSyncPhase, generation: Option<i64>, pass: &Pass<'_>) {
    let failure = status.failure_message.clone();
    let reason = status.failure_reason.clone();
    let (reason, message) = match phase {
        ImageSyncPhase::Ready => ("ImageReady".to_owned(), "the image is on the platform".to_owned()),
        ImageSyncPhase::Building => ("ImageBuilding".to_owned(), "the factory builds the image".to_owned()),
        ImageSyncPhase::Downloading => ("ImageDownloading".to_owned(), "the image is downloaded".to_owned()),
        ImageSyncPhase::Uploading => ("ImageUploading".to_owned(), "the platform takes the image".to_owned()),
        ImageSyncPhase::Failed => (
            reason.unwrap_or_else(|| "ImageSyncFailed".to_owned()),
            failure.unwrap_or_else(|| "the image does not come".to_owned()),
        ),
        _ => ("Pending".to_owned(), "waiting for the factory".to_owned()),
    };
    let observation = Observation {
        kind: conditions::types::READY,
        status: Status::from(*phase == ImageSyncPhase::Ready),
        reason: &reason,
        message: &message,
        generation,
    };
    conditions::set(&mut status.conditions, &observation, pass.facts.wall);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Bench, Served, ends_the_same_wherever_it_is_cut_off, phase};
    use super::*;

    const SYSTEM: &str = "butler-system";

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn factory() -> Value {
        json!({"spec": {"imageFactory": {"url": "https://factory.example.com/"}}})
    }

    fn image() -> Value {
        let factory = json!({"schematicID": "0123456789abcdef", "version": "v1.12.1", "arch": "arm64"});
        json!({"spec": {"factoryRef": factory, "providerConfigRef": {"name": "inmemory"}, "format": "raw"}})
    }

    fn put(bench: &mut Bench) {
        bench.set(&json!({"latencies": {"imageBuild": "3s", "imageDownload": "4s", "imageUpload": "5s"}}));
        bench.put(
            Kind::ProviderConfig,
            SYSTEM,
            "inmemory",
            json!({"spec": {"provider": "inmemory"}}),
        );
        bench.put(Kind::ImageSync, SYSTEM, "image", image());
    }

    fn phase_of(bench: &Bench) -> String {
        bench.text(Kind::ImageSync, SYSTEM, "image", "/status/phase")
    }

    #[test]
    fn an_image_comes_in_stages_that_take_their_time() {
        let mut bench = Bench::new();
        bench.put(Kind::ButlerConfig, "", "butler", factory());
        put(&mut bench);
        for (time, expected) in [(2, "Building"), (4, "Downloading"), (4, "Uploading"), (4, "Ready")] {
            bench.run(seconds(time));
            assert_eq!(phase_of(&bench), expected);
        }
        let status = bench.get::<ImageSync>(Kind::ImageSync, SYSTEM, "image").status.unwrap();
        let url = "https://factory.example.com/image/0123456789abcdef/v1.12.1/nocloud-arm64.raw";
        assert_eq!(status.artifact_url.as_deref(), Some(url));
        assert_eq!(
            (status.provider_image_ref.as_deref(), status.provider_task_id),
            (Some("inmemory/image"), None)
        );
        let ready = bench.condition(Kind::ImageSync, SYSTEM, "image", "Ready");
        assert_eq!(ready, "True ImageReady the image is on the platform");
        // Another version of it is another image.
        let other = json!({"spec": {"factoryRef": {"version": "v1.12.2"}}});
        bench.change(Kind::ImageSync, SYSTEM, "image", &other);
        bench.run(seconds(1));
        assert_eq!(phase_of(&bench), "Building");
    }

    #[test]
    fn without_a_factory_it_fails_and_goes_on_when_there_is_one() {
        let mut bench = Bench::new();
        put(&mut bench);
        bench.run(seconds(1));
        let status = bench.get::<ImageSync>(Kind::ImageSync, SYSTEM, "image").status.unwrap();
        assert_eq!(status.phase, Some(ImageSyncPhase::Failed));
        assert_eq!(status.failure_reason.as_deref(), Some("ImageFactoryNotConfigured"));
        let message = "ButlerConfig.spec.imageFactory is not configured";
        assert_eq!(status.failure_message.as_deref(), Some(message));
        bench.put(Kind::ButlerConfig, "", "butler", factory());
        bench.run(seconds(20));
        assert_eq!(phase_of(&bench), "Ready");
        assert_eq!(
            bench.text(Kind::ImageSync, SYSTEM, "image", "/status/failureReason"),
            ""
        );
    }

    #[test]
    fn a_platform_that_is_missing_or_not_simulated_is_named() {
        let mut bench = Bench::new();
        bench.put(Kind::ButlerConfig, "", "butler", factory());
        bench.put(Kind::ImageSync, SYSTEM, "image", image());
        bench.run(seconds(1));
        let why = |bench: &Bench| bench.condition(Kind::ImageSync, SYSTEM, "image", "Ready");
        assert!(
            why(&bench).starts_with("False ProviderConfigError failed to get ProviderConfig butler-system/inmemory: ")
        );
        bench.put(
            Kind::ProviderConfig,
            SYSTEM,
            "inmemory",
            json!({"spec": {"provider": "proxmox"}}),
        );
        bench.run(seconds(1));
        assert_eq!(
            why(&bench),
            "False NotSimulated platform \"proxmox\" is not simulated: it takes no images"
        );
    }

    #[test]
    fn the_world_lets_an_image_fail() {
        let mut bench = Bench::new();
        bench.put(Kind::ButlerConfig, "", "butler", factory());
        put(&mut bench);
        bench.set(&json!({"faults": {"images": {"image": "no space left on the datastore"}}}));
        bench.run(seconds(1));
        let why = bench.condition(Kind::ImageSync, SYSTEM, "image", "Ready");
        assert_eq!(why, "False ImageSyncFailed no space left on the datastore");
        bench.set(&json!({"faults": {"images": null}}));
        bench.run(seconds(60));
        assert_eq!(phase_of(&bench), "Ready");
    }

    #[test]
    fn an_image_ends_the_same_wherever_it_is_cut_off() {
        ends_the_same_wherever_it_is_cut_off(|bench| {
            put(bench);
            bench.run(seconds(1));
            bench.put(Kind::ButlerConfig, "", "butler", factory());
            bench.run(seconds(60));
            assert_eq!(phase_of(bench), "Ready");
        });
    }

    #[tokio::test]
    async fn a_server_sees_an_image_come_and_go() {
        let mut served = Served::start("latencies: {imageBuild: 1ms, imageDownload: 1ms, imageUpload: 1ms}").await;
        served.create(Kind::ButlerConfig, "", "butler", factory());
        served.create(
            Kind::ProviderConfig,
            SYSTEM,
            "inmemory",
            json!({"spec": {"provider": "inmemory"}}),
        );
        served.create(Kind::ImageSync, SYSTEM, "image", image());
        served.until(Kind::ImageSync, SYSTEM, "image", phase("Ready")).await;
        served.delete(Kind::ImageSync, SYSTEM, "image");
        served.until_gone(Kind::ImageSync, SYSTEM, "image").await;
        served.end().await;
    }
}
