//! What somebody wants, as it would be typed.

use butler_api::v1alpha1::shared::{ComponentResources, ControlPlaneResources, ResourceAmounts};
use butler_api::v1alpha1::wire::Quantity;

use super::Wanted;

/// The options that say what a cluster is, as they would be typed.
pub fn line(wanted: &Wanted) -> Vec<String> {
    let Wanted {
        name,
        provider,
        release,
        workers,
        cpu,
        memory,
        disk,
        os,
        os_version,
        image,
        schematic,
        pods,
        services,
        pool,
        pool_size,
        environment,
        labels,
        control_planes,
        resources,
        exposure,
        names,
        time_servers,
        addons,
        no_ingress,
    } = wanted;
    let mut line = vec!["--name".to_owned(), name.clone()];
    let mut say = |flag: &str, value: Option<String>| {
        line.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
    };
    say("--environment", environment.clone());
    say("--provider", provider.clone());
    say("--kubernetes-version", release.as_ref().map(ToString::to_string));
    say("--workers", workers.map(|workers| workers.get().to_string()));
    say("--cpu", cpu.map(|cpu| cpu.to_string()));
    say("--memory", memory.as_ref().map(ToString::to_string));
    say("--disk", disk.as_ref().map(ToString::to_string));
    say("--lb-pool", pool.map(|pool| format!("{}-{}", pool.start, pool.end)));
    say("--lb-pool-size", pool_size.map(|size| size.to_string()));
    say("--control-planes", control_planes.map(|number| number.to_string()));
    say("--exposure", exposure.as_ref().map(ToString::to_string));
    say("--os", os.as_ref().map(ToString::to_string));
    say("--os-version", os_version.clone());
    say("--image", image.clone());
    say("--schematic-id", schematic.clone());
    say("--pod-cidr", pods.map(|net| net.to_string()));
    say("--service-cidr", services.map(|net| net.to_string()));
    for name in names {
        say("--cert-san", Some(name.clone()));
    }
    for addon in addons {
        say("--addon", Some(addon.to_string()));
    }
    for (key, value) in labels {
        say("--label", Some(format!("{key}={value}")));
    }
    for server in time_servers {
        say("--time-server", Some(server.clone()));
    }
    for (part, component) in resources.iter().flat_map(components) {
        for (kind, amounts) in [("request", &component.requests), ("limit", &component.limits)] {
            let amount =
                |pick: fn(&ResourceAmounts) -> &Option<Quantity>| Some(pick(amounts.as_ref()?).as_ref()?.to_string());
            say(&format!("--cp-{part}-cpu-{kind}"), amount(|amounts| &amounts.cpu));
            say(&format!("--cp-{part}-memory-{kind}"), amount(|amounts| &amounts.memory));
        }
    }
    line.extend(no_ingress.then(|| "--no-ingress".to_owned()));
    line
}

fn components(resources: &ControlPlaneResources) -> impl Iterator<Item = (&'static str, &ComponentResources)> {
    let all = [
        ("apiserver", &resources.api_server),
        ("controller-manager", &resources.controller_manager),
        ("scheduler", &resources.scheduler),
    ];
    all.into_iter()
        .filter_map(|(part, component)| Some((part, component.as_ref()?)))
}
