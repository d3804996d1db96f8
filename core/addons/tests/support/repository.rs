//! Files of a folder over HTTPS on loopback, with a certificate that only a CA file makes trusted.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::{
    control_plane::{Pki, server_files},
    crypto,
};

/// A running server; it ends with this value.
pub(crate) struct Repository {
    /// Its address, without a final slash.
    pub(crate) url: String,
    /// The CA that vouches for it.
    pub(crate) ca_file: PathBuf,
    task: JoinHandle<()>,
    _pki: tempfile::TempDir,
}

impl Drop for Repository {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Repository {
    /// Serves the files of a folder.
    pub(crate) async fn serve(folder: &Path) -> Self {
        crypto();
        let pki = tempfile::tempdir().unwrap();
        Pki::make(pki.path());
        let [ca_file, certificate, key] = server_files(pki.path());
        let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let task = tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), folder.to_owned()));
        Self {
            url,
            ca_file,
            task,
            _pki: pki,
        }
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, folder: PathBuf) {
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, folder) = (acceptor.clone(), folder.clone());
        tokio::spawn(async move {
            // A client that does not trust the certificate hangs up.
            let Ok(mut stream) = acceptor.accept(socket).await else {
                return;
            };
            let mut lines = BufReader::new(&mut stream).lines();
            let Ok(Some(request)) = lines.next_line().await else {
                return;
            };
            while lines
                .next_line()
                .await
                .ok()
                .flatten()
                .is_some_and(|line| !line.is_empty())
            {}
            let path = request
                .split(' ')
                .nth(1)
                .unwrap_or("")
                .trim_start_matches('/')
                .to_owned();
            let (status, body) = match fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body).await;
            let _ = stream.shutdown().await;
        });
    }
}
