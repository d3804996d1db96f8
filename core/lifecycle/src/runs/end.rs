//! Ends a run from outside its process, cleanly: as Ctrl-C in its terminal would.

use std::{path::PathBuf, time::Duration};

use butler_files::{ClusterFolder, Held, Holder, Lock, LockError};

/// How long a run that was asked to end may take: acts in flight have their grace, and then the process ends by itself.
const PATIENCE: Duration = Duration::from_secs(30);

const LOOK: Duration = Duration::from_millis(50);

/// Why a run was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// No run works on the cluster.
    #[error("no run works on {cluster}")]
    Idle {
        /// Cluster name.
        cluster: String,
    },
    /// Nobody can tell whether one does.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Nobody knows which process holds the lock.
    #[error("somebody holds the lock {} and does not say who", lock.display())]
    Unknown {
        /// The lock.
        lock: PathBuf,
    },
    /// The process is on another computer.
    #[error("the run on {cluster} is {holder}")]
    Elsewhere {
        /// Cluster name.
        cluster: String,
        /// Who holds the lock.
        holder: Box<Holder>,
    },
    /// The system refused.
    #[error("cannot signal {holder}")]
    Refused {
        /// Who holds the lock.
        holder: Box<Holder>,
        /// What the system says.
        source: std::io::Error,
    },
    /// It was asked and did not end.
    #[error("{holder} was asked to end and has not within {} s", PATIENCE.as_secs())]
    Undying {
        /// Who holds the lock.
        holder: Box<Holder>,
    },
}

/// Asks the run that works on a cluster to end, and returns when it has: what it was doing is in the journal.
pub async fn cancel(folder: &ClusterFolder) -> Result<Holder, EndError> {
    let lock = folder.lock();
    let holder = match Lock::holder(&lock)? {
        Some(Held::By(holder)) => holder,
        Some(Held::Unknown) => return Err(EndError::Unknown { lock }),
        None => {
            let cluster = folder.cluster().to_owned();
            return Err(EndError::Idle { cluster });
        }
    };
    if !holder.is_here() {
        return Err(EndError::Elsewhere {
            cluster: folder.cluster().to_owned(),
            holder: Box::new(holder),
        });
    }
    ask(folder, &holder)?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while is_held_by(folder, &holder)? {
        if tokio::time::Instant::now() > deadline {
            return Err(EndError::Undying {
                holder: Box::new(holder),
            });
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(holder)
}

fn is_held_by(folder: &ClusterFolder, holder: &Holder) -> Result<bool, LockError> {
    Ok(match Lock::holder(&folder.lock())? {
        Some(Held::By(now)) => now.run == holder.run,
        Some(Held::Unknown) => true,
        None => false,
    })
}

/// Sends the signal that asks a process to end; one that has ended meanwhile needs none.
fn ask(folder: &ClusterFolder, holder: &Holder) -> Result<(), EndError> {
    let refused = |source: std::io::Error| EndError::Refused {
        holder: Box::new(holder.clone()),
        source,
    };
    let pid = i32::try_from(holder.pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| EndError::Unknown { lock: folder.lock() })?;
    #[cfg(target_os = "linux")]
    {
        use rustix::{
            io::Errno,
            process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
        };
        let process = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(Errno::SRCH) => return Ok(()),
            Err(error) => return Err(refused(error.into())),
        };
        // The number now stands for one process for ever. Who still holds the lock is the one that is meant.
        if !is_held_by(folder, holder)? {
            return Ok(());
        }
        match pidfd_send_signal(process, Signal::TERM) {
            Err(error) if error != Errno::SRCH => Err(refused(error.into())),
            _ => Ok(()),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        use rustix::{
            io::Errno,
            process::{Signal, kill_process},
        };
        match kill_process(pid, Signal::TERM) {
            Err(error) if error != Errno::SRCH => Err(refused(error.into())),
            _ => Ok(()),
        }
    }
}
