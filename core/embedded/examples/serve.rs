//! Serves a folder: `serve DATA KUBECONFIG ADDRESS`. Ends on SIGINT or SIGTERM.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [data, kubeconfig, address] = arguments.as_slice() else {
        return ExitCode::from(2);
    };
    let Ok(address) = address.parse() else {
        return ExitCode::from(2);
    };
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return ExitCode::FAILURE;
    };
    let shutdown = async {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    };
    match butler_embedded::serve_standalone(data.as_ref(), kubeconfig.as_ref(), address, shutdown).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("error: {text}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}
