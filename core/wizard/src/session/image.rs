//! The image that the machines are made from, where the platform has to be given it: which one, and how far it is.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use butler_api::config::{self, ImageSettings, ProviderKind};
use jiff::Timestamp;

use super::Session;
use crate::{
    document::Node,
    list::{About, Heard, ImageState, Want},
    question::{Origin, Step},
};

/// The settings that decide the image and where it belongs, beside those that decide who is asked.
const DECIDING: [&str; 6] = [
    "cluster.name",
    "talos.version",
    "talos.schematic",
    "talos.imageFactory",
    "providerConfig.proxmox.nodes",
    "providerConfig.proxmox.imageStorage",
];

/// Without these the settings of a platform are none.
const NEEDED: [&str; 1] = ["providerConfig.proxmox.storage"];

/// The image that the answers describe.
#[derive(Debug, Clone)]
pub struct Image {
    /// What decides it.
    pub settings: ImageSettings,
    /// What is asked of the platform to have it: another one for another image.
    pub want: Want,
}

/// What was heard of images, by what was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Images(BTreeMap<Want, ImageState>);

impl Images {
    pub(crate) fn hear(&mut self, want: &Want, heard: Heard, now: Timestamp) {
        let since = match self.0.get(want) {
            Some(ImageState::Coming { since, .. }) => *since,
            _ => now,
        };
        let coming = |words, hint| ImageState::Coming { since, words, hint };
        let state = match heard {
            Heard::Asked => coming(String::new(), None),
            Heard::Brings { words, hint } => coming(words, hint),
            Heard::There { name } => ImageState::There { name, at: now },
            Heard::Failed { error, hint } => ImageState::Failed { error, hint, at: now },
            Heard::More(_) | Heard::End | Heard::Checks(_) => return,
        };
        self.0.insert(want.clone(), state);
    }
}

impl Session {
    /// Whether the platform has to be given the image, and this release can do that.
    pub fn brings_image(&self) -> bool {
        let view = self.view();
        let takes =
            view.provider() == Some(ProviderKind::Proxmox) && !view.is_answered("providerConfig.proxmox.templateID");
        takes && self.facts.drivers.contains(&ProviderKind::Proxmox)
    }

    /// The image that the machines will be made from; none where the platform is given none, or the answers do not decide it yet.
    pub fn image(&self) -> Option<Image> {
        if !self.brings_image() {
            return None;
        }
        let view = self.view();
        let mut root = Node::Map(Vec::new());
        let mut hasher = DefaultHasher::new();
        for (path, topic, view) in view.topics() {
            let decides = matches!(topic.ask.step, Step::Provider | Step::Access) || DECIDING.contains(&path.as_str());
            if !decides && !NEEDED.contains(&path.as_str()) {
                continue;
            }
            match view.text(&path) {
                Some(text) => {
                    root.put(&path, topic.codec.write(&text)?, Origin::Typed);
                    if decides {
                        (topic.ask.path, text).hash(&mut hasher);
                    }
                }
                None if (topic.ask.required)(&view) => return None,
                None => {}
            }
        }
        let read = |path: &str| self.read(path);
        let settings = config::load_image(&root.file().text(), "the answers", &read).ok()?;
        let want = Want {
            platform: format!("image-{:016x}", hasher.finish()),
            about: About::Image,
        };
        Some(Image { settings, want })
    }

    /// How far that image is; none where the platform is given none.
    pub fn image_state(&self) -> Option<ImageState> {
        if !self.brings_image() {
            return None;
        }
        let Some(image) = self.image() else {
            return Some(ImageState::Open);
        };
        Some(self.images.0.get(&image.want).cloned().unwrap_or(ImageState::Idle))
    }

    /// The images that are being brought, and are not the one that the answers describe now.
    pub fn images_not_meant(&self) -> Vec<Want> {
        let coming: Vec<&Want> = self.images_coming().collect();
        if coming.is_empty() {
            return Vec::new();
        }
        let meant = self.image().map(|image| image.want);
        coming
            .into_iter()
            .filter(|want| Some(*want) != meant.as_ref())
            .cloned()
            .collect()
    }

    /// The images that are being brought.
    pub fn images_coming(&self) -> impl Iterator<Item = &Want> {
        let images = self.images.0.iter();
        images
            .filter(|(_, state)| matches!(state, ImageState::Coming { .. }))
            .map(|(want, _)| want)
    }

    /// Nobody waits for this image any more.
    pub fn forget_image(&mut self, want: &Want) {
        self.images.0.remove(want);
    }
}
