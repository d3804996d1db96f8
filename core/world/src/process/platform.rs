//! The platforms that a world plays beside its own API: their sockets, and files that tell how to reach them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;

use super::WorldError;
use super::files::{Files, io_error, make_private, write_private};
use crate::certs;
use crate::factory::{self, Factory};
use crate::live::World;
use crate::proxmox::{self, Facade, Secrets};
use crate::world::proxmox::PlatformView;

/// Sockets that nobody serves yet.
pub(super) struct Platforms {
    opened: Option<Opened>,
}

struct Opened {
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    facade: Arc<Facade>,
    images: TcpListener,
    factory: Arc<Factory>,
}

impl Platforms {
    /// Opens what the settings ask for.
    pub(super) async fn open(world: &World, files: &Files) -> Result<(Self, Vec<PlatformView>), WorldError> {
        if !world.with(|state| state.settings.platforms.proxmox.is_some()) {
            return Ok((Self { opened: None }, Vec::new()));
        }
        let folder = files.platforms().join("proxmox");
        make_private(&folder)?;
        let (listener, port) = socket(&folder).await?;
        let (images, factory_port) = socket(&folder).await?;
        let made = certs::platform(
            Ipv4Addr::LOCALHOST,
            SignedDuration::from_hours(24 * 365),
            Timestamp::now(),
        );
        let made = made.map_err(|source| WorldError::Platform(Box::new(source)))?;
        let secrets = Secrets::new();
        let view = world.with(|state| {
            let settings = state.pve_settings();
            PlatformView {
                provider: "proxmox".to_owned(),
                endpoint: format!("https://127.0.0.1:{port}"),
                fingerprint: made.fingerprint.clone(),
                ca_file: folder.join("ca.pem"),
                user: settings.user.clone(),
                password_file: folder.join("password"),
                token: settings.token_id(),
                token_file: folder.join("token"),
                nodes: settings.nodes.keys().cloned().collect(),
                network: state
                    .proxmox
                    .network
                    .map_or_else(String::new, |network| network.to_string()),
                image_factory: format!("http://127.0.0.1:{factory_port}"),
            }
        });
        write_private(&view.ca_file, made.authority.as_bytes())?;
        secret(&view.password_file, &secrets.password)?;
        secret(&view.token_file, &secrets.token)?;
        let facade = Facade::new(world.clone(), secrets).map_err(|source| WorldError::Platform(Box::new(source)))?;
        let opened = Opened {
            listener,
            tls: made.tls,
            facade: Arc::new(facade),
            images,
            factory: Arc::new(Factory::new(world.clone())),
        };
        Ok((Self { opened: Some(opened) }, vec![view]))
    }

    /// Serves until the world ends.
    pub(super) async fn serve(self) {
        let Some(opened) = self.opened else { return };
        tokio::join!(
            proxmox::serve(opened.listener, opened.tls, opened.facade),
            factory::serve(opened.images, opened.factory)
        );
    }
}

async fn socket(folder: &Path) -> Result<(TcpListener, u16), WorldError> {
    let failed = |source| io_error("listen for the platform of", folder, source);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

fn secret(path: &Path, secret: &SecretString) -> Result<(), WorldError> {
    write_private(path, secret.expose_secret().as_bytes())
}
