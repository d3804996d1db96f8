//! The paths and secrets that a configuration names.

use super::{BootstrapCluster, BootstrapConfig, ChartMirror, Provider, SecretSource};

impl BootstrapConfig {
    /// Replaces every path by what `resolve` makes of it. The digest stays: it is of the file as written.
    pub fn resolve_paths<E>(&mut self, mut resolve: impl FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        if let BootstrapCluster::Existing { kubeconfig, .. } = &mut self.bootstrap_cluster {
            *kubeconfig = resolve(kubeconfig)?;
        }
        if let Some(ChartMirror::Folder(path)) = &mut self.addons.chart_mirror {
            *path = resolve(path)?;
        }
        if let Provider::InMemory(settings) = &mut self.provider
            && let Some(world) = &mut settings.world
        {
            *world = resolve(world)?;
        }
        resolve_secrets(self.secrets_mut(), resolve)
    }

    /// Every secret that the configuration names, with its setting.
    pub fn secrets_mut(&mut self) -> Vec<(String, &mut SecretSource)> {
        let mut found = Vec::new();
        for (name, host) in &mut self.talos.registries.hosts {
            if let Some(login) = &mut host.login {
                let at = format!("talos.registries.config.{name}.auth");
                found.push((format!("{at}.username"), &mut login.username));
                found.push((format!("{at}.password"), &mut login.password));
            }
        }
        if let Some(console) = &mut self.addons.console {
            for (key, source) in [
                ("adminPassword", &mut console.admin_password),
                ("jwtSecret", &mut console.jwt_secret),
            ] {
                found.extend(
                    source
                        .iter_mut()
                        .map(|source| (format!("addons.console.auth.{key}"), source)),
                );
            }
        }
        let providers = self
            .addons
            .capi
            .iter_mut()
            .flat_map(|capi| &mut capi.infrastructure_providers);
        for (i, provider) in providers.enumerate() {
            let at = format!("addons.capi.infrastructureProviders[{i}].variables");
            let variables = provider.variables.iter_mut();
            found.extend(variables.map(|(name, source)| (format!("{at}.{name}"), source)));
        }
        found.extend(self.provider.secrets_mut());
        found
    }
}

impl Provider {
    /// Every secret that the settings of the platform name, with its setting.
    pub fn secrets_mut(&mut self) -> Vec<(String, &mut SecretSource)> {
        let platform = self.kind();
        let keys: Vec<(&str, &mut SecretSource)> = match self {
            Provider::Harvester(h) => vec![("kubeconfigPath", &mut h.kubeconfig)],
            Provider::Nutanix(n) => vec![("username", &mut n.username), ("password", &mut n.password)],
            Provider::Proxmox(p) => {
                let login = [("username", &mut p.username), ("password", &mut p.password)];
                login
                    .into_iter()
                    .filter_map(|(key, source)| Some((key, source.as_mut()?)))
                    .collect()
            }
            Provider::Gcp(g) => vec![("serviceAccountKeyPath", &mut g.service_account_key)],
            Provider::Aws(a) => vec![
                ("accessKeyID", &mut a.access_key_id),
                ("secretAccessKey", &mut a.secret_access_key),
            ],
            Provider::Azure(a) => vec![
                ("clientID", &mut a.client_id),
                ("clientSecret", &mut a.client_secret),
                ("tenantID", &mut a.tenant_id),
            ],
            Provider::Local | Provider::InMemory(_) | Provider::Static(_) => Vec::new(),
        };
        let keys = keys.into_iter();
        keys.map(|(key, source)| (format!("providerConfig.{platform}.{key}"), source))
            .collect()
    }

    /// Replaces the path of every secret by what `resolve` makes of it.
    pub fn resolve_paths<E>(&mut self, resolve: impl FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        resolve_secrets(self.secrets_mut(), resolve)
    }
}

fn resolve_secrets<E>(
    secrets: Vec<(String, &mut SecretSource)>,
    mut resolve: impl FnMut(&str) -> Result<String, E>,
) -> Result<(), E> {
    for (_, source) in secrets {
        match source {
            SecretSource::File(path) => *path = resolve(path)?,
            // A program without a slash is looked for on PATH.
            SecretSource::Exec(words) => {
                if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
                    *program = resolve(program)?;
                }
            }
            SecretSource::Env(_) | SecretSource::Keyring { .. } | SecretSource::Clear(_) => {}
        }
    }
    Ok(())
}
