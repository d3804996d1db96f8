//! Versions that are installed unless the configuration says otherwise. They are known to work together; raise them
//! together.

pub(super) const KUBE_VIP: &str = "v0.8.7";
pub(super) const CILIUM: &str = "1.17.0";
pub(super) const CERT_MANAGER: &str = "v1.16.2";
pub(super) const LONGHORN: &str = "1.7.2";
pub(super) const METALLB: &str = "0.14.9";
pub(super) const TRAEFIK: &str = "34.3.0";
pub(super) const GATEWAY_API: &str = "v1.2.1";
pub(super) const STEWARD: &str = "0.4.0";
pub(super) const FLUX: &str = "2.14.1";
pub(super) const FLUX_APP: &str = "2.4.0";

pub(super) const CAPI: &str = "v1.9.4";
pub(super) const CAPI_STEWARD: &str = "v0.3.0";
pub(super) const CAPK: &str = "v0.1.9";
pub(super) const CAPX: &str = "v1.4.0";
pub(super) const CAPMOX: &str = "v0.6.0";
pub(super) const CAPG: &str = "v1.8.0";
pub(super) const CAPA: &str = "v2.7.0";
pub(super) const CAPZ: &str = "v1.17.0";

pub(super) const AWS_CCM_CHART: &str = "0.0.8";
pub(super) const AWS_CCM_APP: &str = "v1.27.1";
pub(super) const GCP_CCM: &str = "v30.0.0";
pub(super) const AZURE_CCM: &str = "v1.31.0";

pub(super) const BUTLER_CRDS: &str = "0.20.0";
pub(super) const BUTLER_ADDONS: &str = "0.8.4";
pub(super) const BUTLER_CONTROLLER: &str = "0.27.0";
pub(super) const BUTLER_CONTROLLER_APP: &str = "0.26.0";
pub(super) const BUTLER_CONSOLE: &str = "0.13.1";
pub(super) const BUTLER_CONSOLE_APP: &str = "0.14.1";
