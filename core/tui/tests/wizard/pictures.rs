//! What every step looks like.

use std::sync::Arc;

use butler_api::config::BootstrapConfig;
use butler_tui::{
    input::Input,
    look::{Look, Palette},
    screen::Screen as _,
    snapshot::{UNKNOWN, render, sweep},
    wizard::Wizard,
};
use butler_wizard::{
    question::Step,
    session::{AddonPlanner, Facts, PlannedAddon, Session},
};

use crate::help::{PROXMOX, after, answer, fresh, keys, opened, over};

const SIZES: [(u16, u16); 2] = [(80, 24), (160, 50)];

fn proxmox() -> Wizard {
    let mut wizard = opened(PROXMOX);
    let effects = wizard.update(Input::Tick, after(0));
    answer(&mut wizard, effects);
    wizard
}

fn picture(wizard: &Wizard, name: &str) {
    for (width, height) in SIZES {
        let styled = render(wizard, width, height, Look::default(), after(5)).styled();
        let roles = styled.split("-- roles").nth(1).unwrap();
        assert!(!roles.contains(UNKNOWN), "a style that no role has: {styled}");
        insta::assert_snapshot!(format!("{name} {width}x{height}"), styled);
    }
}

#[test]
fn every_step_of_the_simulated_world() {
    let mut wizard = fresh();
    loop {
        picture(&wizard, &format!("inmemory {}", wizard.step().title()));
        if wizard.step() == Step::Review {
            break;
        }
        keys(&mut wizard, "<c-n>");
    }
    keys(&mut wizard, "<tab>");
    picture(&wizard, "inmemory Review file");
    keys(&mut wizard, "<enter>");
    picture(&wizard, "inmemory launch");
}

#[test]
fn every_step_of_a_platform_with_lists() {
    let mut wizard = proxmox();
    loop {
        picture(&wizard, &format!("proxmox {}", wizard.step().title()));
        if wizard.step() == Step::Review {
            break;
        }
        keys(&mut wizard, "<c-n>");
    }
}

#[test]
fn a_list_that_is_open_and_a_secret_that_is_named() {
    let mut wizard = proxmox();
    while wizard.step() != Step::Access {
        keys(&mut wizard, "<c-n>");
    }
    while wizard.focused() != Some("providerConfig.proxmox.password") {
        keys(&mut wizard, "<down>");
    }
    picture(&wizard, "a secret");
    keys(&mut wizard, "<c-n>");
    while wizard.focused() != Some("providerConfig.proxmox.storage") {
        keys(&mut wizard, "<down>");
    }
    keys(&mut wizard, "<space>");
    picture(&wizard, "an open list");
}

#[test]
fn addons_tell_what_they_need_and_who_needs_them() {
    let addon = |name: &str, block: &str, needs: &[&str], serves: Option<&str>| PlannedAddon {
        name: name.to_owned(),
        block: Some(format!("addons.{block}")),
        needs: needs.iter().map(|&need| need.to_owned()).collect(),
        serves: serves.map(str::to_owned),
    };
    let plan = move |_: &BootstrapConfig| {
        vec![
            addon("metallb", "loadBalancer", &[], Some("network.loadBalancerPool.start")),
            addon("longhorn", "storage", &["cilium"], None),
            addon(
                "steward",
                "controlPlaneProvider",
                &["cert-manager", "longhorn", "gateway-api"],
                None,
            ),
        ]
    };
    let facts = Facts {
        addons: Some(AddonPlanner(Arc::new(plan))),
        ..Facts::default()
    };
    let mut wizard = over(Session::open(PROXMOX, "demo.yaml", facts).unwrap());
    while wizard.step() != Step::Addons {
        keys(&mut wizard, "<c-n>");
    }
    picture(&wizard, "addons and their ties");
}

#[test]
fn a_conflict_of_addresses() {
    let mut wizard = proxmox();
    while wizard.step() != Step::Network {
        keys(&mut wizard, "<c-n>");
    }
    while wizard.focused() != Some("network.vip") {
        keys(&mut wizard, "<down>");
    }
    keys(&mut wizard, "192.0.2.120");
    picture(&wizard, "a conflict");
}

#[test]
fn without_colours_and_with_ascii_alone() {
    let look = Look {
        palette: Palette::Mono,
        ascii: true,
    };
    let mut wizard = proxmox();
    loop {
        let shown = render(&wizard, 120, 30, look, after(5)).text();
        let odd: Vec<char> = shown.chars().filter(|c| !c.is_ascii()).collect();
        assert!(odd.is_empty(), "{odd:?} in {shown}");
        if wizard.step() == Step::Review {
            break;
        }
        keys(&mut wizard, "<c-n>");
    }
    keys(&mut wizard, "<c-p><c-p><c-p>");
    insta::assert_snapshot!("ascii and mono", render(&wizard, 80, 24, look, after(5)).styled());
}

/// Every width and every height, but not every pair of them: the whole sweep of one screen takes half a minute.
fn edges(wizard: &Wizard) {
    let heights = [0, 1, 2, 3, 5, 8, 24, 80];
    let widths = [0, 1, 3, 12, 59, 80, 110, 250];
    let wide = (0..=250).flat_map(|width| heights.map(|height| (width, height)));
    let tall = (0..=80).flat_map(|height| widths.map(|width| (width, height)));
    for (width, height) in wide.chain(tall) {
        let caret = render(wizard, width, height, Look::default(), after(5)).caret();
        assert!(
            caret.is_none_or(|caret| caret.x < width && caret.y < height),
            "the caret at {caret:?} is outside of {width}x{height}"
        );
    }
}

#[test]
fn every_step_fits_into_small_and_large_terminals() {
    let mut wizard = proxmox();
    loop {
        edges(&wizard);
        if wizard.step() == Step::Review {
            break;
        }
        keys(&mut wizard, "<c-n>");
    }
    keys(&mut wizard, "<tab>");
    edges(&wizard);
    keys(&mut wizard, "<c-s>");
    edges(&wizard);
    keys(&mut wizard, "<esc><c-c>");
    edges(&wizard);
}

#[test]
fn every_size_of_an_open_list() {
    let mut wizard = proxmox();
    while wizard.step() != Step::Resources {
        keys(&mut wizard, "<c-n>");
    }
    while wizard.focused() != Some("providerConfig.proxmox.storage") {
        keys(&mut wizard, "<down>");
    }
    keys(&mut wizard, "<space>");
    sweep(&wizard, Look::default(), after(5));
}
