//! The options that say what a new cluster is.

use std::net::Ipv4Addr;

use butler_api::config::IpRange;
use butler_api::tenants::Release;
use butler_api::v1alpha1::shared::{ComponentResources, ControlPlaneResources, ResourceAmounts};
use butler_api::v1alpha1::tenant_cluster::{OsType, ServiceType};
use butler_api::v1alpha1::wire::Quantity;
use butler_tenancy::clusters::create::Wanted;
use butler_tenancy::clusters::create::values::{self, InitialAddon};
use butler_tenancy::clusters::scale::Workers;
use ipnet::Ipv4Net;

/// What a new cluster is.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(id = "spec", multiple = true)]
#[command(next_help_heading = "The cluster")]
pub(super) struct SpecArgs {
    /// Kubernetes release; without it the one of the environment, the team or the platform
    #[arg(long, visible_alias = "k8s-version", value_name = "VERSION", value_parser = Release::parse)]
    kubernetes_version: Option<Release>,
    /// How many workers, from 1 to 100
    #[arg(short, long, value_name = "NUMBER", value_parser = Workers::parse)]
    workers: Option<Workers>,
    /// Processor cores of a worker
    #[arg(long, value_name = "NUMBER", value_parser = values::cpu)]
    cpu: Option<i32>,
    /// Memory of a worker, for example 8Gi
    #[arg(long, value_name = "SIZE", value_parser = values::memory)]
    memory: Option<Quantity>,
    /// Disk of a worker, for example 50Gi
    #[arg(long, value_name = "SIZE", value_parser = values::disk)]
    disk: Option<Quantity>,
    /// Environment of the team
    #[arg(long, visible_alias = "env", value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// ProviderConfig of the platform to make it on
    #[arg(short, long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Addresses for services of type LoadBalancer: one, or FIRST-LAST
    #[arg(long, value_name = "RANGE", value_parser = values::pool)]
    lb_pool: Option<IpRange>,
    /// First address for services of type LoadBalancer
    #[arg(long, value_name = "ADDRESS", requires = "lb_pool_end", conflicts_with = "lb_pool")]
    lb_pool_start: Option<Ipv4Addr>,
    /// Last address for services of type LoadBalancer
    #[arg(long, value_name = "ADDRESS", requires = "lb_pool_start", conflicts_with = "lb_pool")]
    lb_pool_end: Option<Ipv4Addr>,
    /// How many addresses for services the platform gives
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..))]
    lb_pool_size: Option<i32>,
    /// Copies of the control plane: 1 or 3
    #[arg(long, visible_alias = "control-plane-replicas", value_name = "NUMBER", value_parser = values::control_planes)]
    control_planes: Option<i32>,
    /// How the API server is reached: LoadBalancer, NodePort or ClusterIP
    #[arg(long, value_name = "TYPE", value_parser = values::exposure)]
    exposure: Option<ServiceType>,
    /// Further name on the certificate of the API server (repeatable)
    #[arg(long = "cert-san", value_name = "NAME")]
    cert_sans: Vec<String>,
    /// Operating system of the workers: rocky, flatcar, talos, kairos or bottlerocket
    #[arg(long = "os", visible_alias = "os-type", value_name = "NAME", value_parser = values::os)]
    os: Option<OsType>,
    /// Version of the operating system
    #[arg(long, value_name = "VERSION")]
    os_version: Option<String>,
    /// Image of the workers on the platform
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Schematic of the workers' image in the image factory
    #[arg(long, value_name = "ID")]
    schematic_id: Option<String>,
    /// Addresses of pods
    #[arg(long, value_name = "CIDR")]
    pod_cidr: Option<Ipv4Net>,
    /// Addresses of services
    #[arg(long, value_name = "CIDR")]
    service_cidr: Option<Ipv4Net>,
    /// Addon to begin with: NAME or NAME@VERSION (repeatable)
    #[arg(long = "addon", value_name = "ADDON", value_parser = values::addon)]
    addons: Vec<InitialAddon>,
    /// Begin without an ingress controller
    #[arg(long)]
    no_ingress: bool,
    /// Label of the cluster: KEY=VALUE (repeatable)
    #[arg(short, long = "label", value_name = "LABEL", value_parser = values::label)]
    labels: Vec<(String, String)>,
    /// Time server of the workers (repeatable)
    #[arg(long = "time-server", value_name = "HOST")]
    time_servers: Vec<String>,
    /// What the control plane may use.
    #[command(flatten)]
    resources: ResourceArgs,
}

/// What the parts of the control plane may use.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Resources of the control plane")]
#[expect(clippy::struct_field_names, reason = "the fields are named as their flags")]
struct ResourceArgs {
    /// Processor time reserved for the API server
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_apiserver_cpu_request: Option<Quantity>,
    /// Processor time the API server may use
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_apiserver_cpu_limit: Option<Quantity>,
    /// Memory reserved for the API server
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_apiserver_memory_request: Option<Quantity>,
    /// Memory the API server may use
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_apiserver_memory_limit: Option<Quantity>,
    /// Processor time reserved for the controller manager
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_controller_manager_cpu_request: Option<Quantity>,
    /// Processor time the controller manager may use
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_controller_manager_cpu_limit: Option<Quantity>,
    /// Memory reserved for the controller manager
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_controller_manager_memory_request: Option<Quantity>,
    /// Memory the controller manager may use
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_controller_manager_memory_limit: Option<Quantity>,
    /// Processor time reserved for the scheduler
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_scheduler_cpu_request: Option<Quantity>,
    /// Processor time the scheduler may use
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_scheduler_cpu_limit: Option<Quantity>,
    /// Memory reserved for the scheduler
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_scheduler_memory_request: Option<Quantity>,
    /// Memory the scheduler may use
    #[arg(long, value_name = "AMOUNT", value_parser = values::amount)]
    cp_scheduler_memory_limit: Option<Quantity>,
}

impl SpecArgs {
    /// What is wanted, but for the name.
    pub(super) fn wanted(&self) -> Wanted {
        let ends = self.lb_pool_start.zip(self.lb_pool_end);
        Wanted {
            name: String::new(),
            provider: self.provider.clone(),
            release: self.kubernetes_version.clone(),
            workers: self.workers,
            cpu: self.cpu,
            memory: self.memory.clone(),
            disk: self.disk.clone(),
            os: self.os.clone(),
            os_version: self.os_version.clone(),
            image: self.image.clone(),
            schematic: self.schematic_id.clone(),
            pods: self.pod_cidr,
            services: self.service_cidr,
            pool: self.lb_pool.or_else(|| ends.map(|(start, end)| IpRange { start, end })),
            pool_size: self.lb_pool_size,
            environment: self.environment.clone(),
            labels: self.labels.iter().cloned().collect(),
            control_planes: self.control_planes,
            resources: self.resources.all(),
            exposure: self.exposure.clone(),
            names: self.cert_sans.clone(),
            time_servers: self.time_servers.clone(),
            addons: self.addons.clone(),
            no_ingress: self.no_ingress,
        }
    }
}

impl ResourceArgs {
    fn all(&self) -> Option<ControlPlaneResources> {
        let component = |requests, limits| {
            let component = ComponentResources {
                limits: amounts(limits),
                requests: amounts(requests),
            };
            (component.limits.is_some() || component.requests.is_some()).then_some(component)
        };
        let resources = ControlPlaneResources {
            api_server: component(
                (&self.cp_apiserver_cpu_request, &self.cp_apiserver_memory_request),
                (&self.cp_apiserver_cpu_limit, &self.cp_apiserver_memory_limit),
            ),
            controller_manager: component(
                (
                    &self.cp_controller_manager_cpu_request,
                    &self.cp_controller_manager_memory_request,
                ),
                (
                    &self.cp_controller_manager_cpu_limit,
                    &self.cp_controller_manager_memory_limit,
                ),
            ),
            scheduler: component(
                (&self.cp_scheduler_cpu_request, &self.cp_scheduler_memory_request),
                (&self.cp_scheduler_cpu_limit, &self.cp_scheduler_memory_limit),
            ),
            konnectivity: None,
        };
        (resources != ControlPlaneResources::default()).then_some(resources)
    }
}

fn amounts((cpu, memory): (&Option<Quantity>, &Option<Quantity>)) -> Option<ResourceAmounts> {
    (cpu.is_some() || memory.is_some()).then(|| ResourceAmounts {
        cpu: cpu.clone(),
        memory: memory.clone(),
    })
}

#[cfg(test)]
mod tests {
    use butler_tenancy::clusters::create;
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[arg(long)]
        name: String,
        #[command(flatten)]
        spec: SpecArgs,
    }

    #[test]
    fn the_line_to_repeat_says_all_of_it() {
        let typed = "x --name a --environment dev --provider p --kubernetes-version v1.33.4 --workers 3 --cpu 8 --memory 16Gi \
                     --disk 90Gi --lb-pool 10.0.0.1-10.0.0.9 --lb-pool-size 4 --control-planes 3 --exposure NodePort --os talos \
                     --os-version v1.12.1 --image i --schematic-id s --pod-cidr 10.1.0.0/16 --service-cidr 10.2.0.0/16 \
                     --cert-san a.example.com --cert-san b.example.com --addon longhorn@1.7.2 --label a=b --label c= \
                     --time-server t --cp-apiserver-cpu-request 500m --cp-controller-manager-memory-limit 1Gi \
                     --cp-scheduler-cpu-limit 1 --no-ingress";
        let parsed = Line::parse_from(typed.split_whitespace());
        let wanted = Wanted {
            name: parsed.name,
            ..parsed.spec.wanted()
        };
        let line = create::line(&wanted);
        let expected: Vec<&str> = typed.split_whitespace().skip(1).collect();
        assert_eq!(line, expected);
    }
}
