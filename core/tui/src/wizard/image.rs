//! The image of the machines: brought while one goes on with the questions.

use butler_wizard::list::{Heard, ImageState};
use jiff::Timestamp;

use super::Wizard;
use crate::{
    effect::{Effect, Wished},
    look::Role,
};

impl Wizard {
    /// Has the image brought, or says why not.
    pub(super) fn bring_image(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.leave_question();
        match &self.seen.image {
            None => return self.say(Role::Plain, "no image is brought to this platform"),
            Some(ImageState::Open) => {
                let words = "the image is known once the cluster has a name and the platform its nodes and storages";
                return self.say(Role::Plain, words);
            }
            Some(ImageState::Coming { .. }) => return self.say(Role::Plain, "the image is being brought"),
            Some(ImageState::There { name, .. }) => {
                let words = format!("the image is there: {name}");
                return self.say(Role::Plain, &words);
            }
            Some(ImageState::Idle | ImageState::Failed { .. }) => {}
        }
        let Some(image) = self.session.image() else { return };
        self.session.hear(&image.want, Heard::Asked, now);
        effects.push(Effect::Bring {
            want: image.want,
            wished: Box::new(Wished {
                image: image.settings,
                secrets: self.session.secrets().clone(),
                folder: self.folder(),
            }),
        });
        self.look_again();
        self.say(Role::Good, "the image is asked for; go on meanwhile");
    }

    /// Another image is described now: the one that is being brought is not waited for any more.
    pub(super) fn forget_images(&mut self, effects: &mut Vec<Effect>) {
        for want in self.session.images_not_meant() {
            self.session.forget_image(&want);
            effects.push(Effect::Forget(want));
        }
    }

    /// The run brings what is not there yet.
    pub(super) fn leave_image_to_run(&mut self, effects: &mut Vec<Effect>) {
        let coming: Vec<_> = self.session.images_coming().cloned().collect();
        for want in coming {
            self.session.forget_image(&want);
            effects.push(Effect::Forget(want));
        }
        self.look_again();
    }

    pub(super) fn image_is_coming(&self) -> bool {
        matches!(self.seen.image, Some(ImageState::Coming { .. }))
    }

    /// Whether a key would bring it now.
    pub(super) fn image_can_come(&self) -> bool {
        matches!(self.seen.image, Some(ImageState::Idle | ImageState::Failed { .. }))
    }
}
