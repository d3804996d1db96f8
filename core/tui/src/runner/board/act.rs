//! What is done with clusters, as the commands do it.

use std::path::Path;

use butler_api::tenants::Release;
use butler_files::home;
use butler_tenancy::{
    addons::{self, Target as AddonTarget, disable, enable},
    change::Writer as ObjectWriter,
    clusters::{
        change::Writer,
        create::{self, Request, Wanted},
        delete::{self, Begun},
        edit as edit_text, kubeconfig,
        read::{self, Found},
        scale::{self, Workers},
        upgrade,
    },
    place::{self, Place},
    reach::Reach,
    refusal::Refusal,
};
use butler_terminal::{Exit, Failure};
use secrecy::ExposeSecret as _;
use serde_json::Map;

use super::{Context, edit};
use crate::board::{Act, Target};

/// Does it; says what came of it.
pub(super) async fn act(context: Context, act: Act) -> Result<String, Failure> {
    let asked = context.asked();
    let reach = context.reach().await?;
    let writer = Writer {
        manager: context.door.manager(),
        dry_run: None,
    };
    match act {
        Act::Create(wanted) => {
            let place = place::find(&reach, &asked).await.map_err(|error| refused(&error))?;
            create(&reach, place, *wanted, writer).await
        }
        Act::Scale(target, workers) => {
            let workers = Workers::parse(&workers).map_err(|error| usage(&error))?;
            same(&reach, &target).await?;
            let changed = scale::scale(&reach, &target.namespace, &target.name, workers, writer).await;
            changed.map_err(|error| refused(&error))?;
            Ok(format!(
                "cluster {} is asked for {} workers",
                target.name,
                workers.get()
            ))
        }
        Act::Upgrade(target, release) => {
            let release = Release::parse(&release).map_err(|error| usage(&error))?;
            same(&reach, &target).await?;
            let changed = upgrade::upgrade(&reach, &target.namespace, &target.name, &release, writer).await;
            changed.map_err(|error| refused(&error))?;
            Ok(format!("cluster {} is asked for Kubernetes {release}", target.name))
        }
        Act::Edit(edited) => {
            same(&reach, &edited.target).await?;
            let sent = edit_text::apply(&reach, &edited.found, &edited.edit, writer).await;
            sent.map_err(|error| edit::kept(&edited.draft, refused(&error)))?;
            edited.draft.remove();
            Ok(format!("cluster {} is asked for as edited", edited.target.name))
        }
        Act::Delete(target) => {
            let found = same(&reach, &target).await?;
            let begun = delete::delete(&reach, &found, writer)
                .await
                .map_err(|error| refused(&error))?;
            Ok(match begun {
                Begun::Now => format!("cluster {} is being deleted", target.name),
                Begun::Before => format!("cluster {} is being deleted already", target.name),
                Begun::Gone => format!("cluster {} is gone", target.name),
            })
        }
        Act::Kubeconfig(target, path) => {
            let found = same(&reach, &target).await?;
            let text = kubeconfig::of(&reach, &found).await.map_err(|error| refused(&error))?;
            let path = home::expand(Path::new(&path)).map_err(|error| usage(&error))?;
            let written = path.display().to_string();
            // A command line that names a file means it; here its name was proposed.
            if path.exists() {
                return Err(
                    Failure::new(Exit::Failed, format!("{written} is there already, and is left alone"))
                        .hint("choose another file"),
                );
            }
            let work = move || home::write_secret(&path, text.expose_secret().as_bytes());
            let done = tokio::task::spawn_blocking(work).await;
            done.map_err(|error| refused(&error))?
                .map_err(|error| refused(&error))?;
            Ok(format!("kubectl --kubeconfig {written} get nodes"))
        }
        Act::Enable(target, addon) => enabled(&reach, &target, addon, context.door.manager()).await,
        Act::Disable(target, addon) => disabled(&reach, &target, addon, context.door.manager()).await,
    }
}

pub(super) fn usage(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::from_error(Exit::Usage, error)
}

/// Why it was not done; where somebody may not do it, who may.
pub(super) fn refused(error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut cause = Some(error);
    while let Some(one) = cause {
        if let Some(refusal) = one.downcast_ref::<kube::Error>().and_then(Refusal::of) {
            let failure = Failure::new(Exit::Failed, refusal.to_string());
            return match refusal.role() {
                Some(role) => failure.hint(format!("the role {role} of Butler allows it")),
                None => failure,
            };
        }
        cause = one.source();
    }
    Failure::from_error(Exit::Failed, error)
}

/// The cluster that was seen; not another one that has its name by now.
pub(super) async fn same(reach: &Reach, target: &Target) -> Result<Found, Failure> {
    let found = read::cluster(reach, &target.namespace, &target.name).await;
    let found = found.map_err(|error| refused(&error))?;
    if found.object.metadata.uid.as_deref() == Some(&*target.uid) {
        return Ok(found);
    }
    let words = format!("cluster {} is gone; another one has its name now", target.name);
    Err(Failure::new(Exit::Failed, words))
}

async fn create(reach: &Reach, place: Place, wanted: Wanted, writer: Writer) -> Result<String, Failure> {
    let facts = create::look_up(reach, &place).await.map_err(|error| refused(&error))?;
    let draft = create::draft(&wanted, &place, &facts).map_err(|error| refused(&error))?;
    let request = Request { place, writer };
    let created = Box::pin(create::create(reach, &request, &facts, &draft)).await;
    created.map_err(|error| refused(&error))?;
    let warnings: Vec<&str> = draft.warnings.iter().map(|warning| warning.message.as_str()).collect();
    let warnings = if warnings.is_empty() {
        String::new()
    } else {
        format!("; {}", warnings.join("; "))
    };
    Ok(format!("cluster {} is being created{warnings}", wanted.name))
}

fn of_addon(target: &Target, addon: String) -> AddonTarget {
    AddonTarget {
        namespace: target.namespace.clone(),
        cluster: target.name.clone(),
        addon,
    }
}

async fn enabled(reach: &Reach, target: &Target, addon: String, manager: &'static str) -> Result<String, Failure> {
    same(reach, target).await?;
    let wanted = enable::Wanted {
        target: of_addon(target, addon),
        version: None,
        values: Map::new(),
    };
    let facts = enable::look_up(reach, &wanted.target)
        .await
        .map_err(|error| refused(&error))?;
    let writer = ObjectWriter {
        manager,
        dry_run: false,
    };
    let enabled = enable::enable(reach, &writer, &wanted, facts)
        .await
        .map_err(|error| refused(&error))?;
    let (addon, cluster) = (&wanted.target.addon, &target.name);
    Ok(match enabled {
        enable::Enabled::Platform(_) => format!("cluster {cluster} has {addon} from the platform"),
        enable::Enabled::Own { made: true, .. } => format!("addon {addon} is being installed on cluster {cluster}"),
        enable::Enabled::Own { made: false, .. } => format!("cluster {cluster} has {addon} already"),
    })
}

async fn disabled(reach: &Reach, target: &Target, addon: String, manager: &'static str) -> Result<String, Failure> {
    same(reach, target).await?;
    let wanted = of_addon(target, addon);
    let facts = disable::look_up(reach, &wanted)
        .await
        .map_err(|error| refused(&error))?;
    let writer = ObjectWriter {
        manager,
        dry_run: false,
    };
    let begun = disable::disable(reach, &writer, &wanted, &facts)
        .await
        .map_err(|error| refused(&error))?;
    let (addon, cluster) = (&wanted.addon, &target.name);
    Ok(match begun {
        addons::disable::Begun::Gone => format!("addon {addon} is gone from cluster {cluster}"),
        _ => format!("addon {addon} is being removed from cluster {cluster}"),
    })
}
