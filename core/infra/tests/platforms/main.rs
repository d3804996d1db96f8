//! Providers, judged from outside: one suite for all platforms, of what the engine relies on whatever is behind the door, and
//! what only one platform has.
//!
//! A platform joins the suite by a [`Ground`](suite::Ground) and a line at the end of this file.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::disallowed_macros, reason = "requests to the fake are of no known kind")]

mod fakepve;
mod grounds;
mod inmemory_offers;
mod proxmox;
mod suite;
mod support;
#[path = "../support/world.rs"]
mod world;

/// Runs the suite on a ground. A ground that cannot be had says so itself.
macro_rules! conforms {
    ($platform:ident, $ground:expr; $($case:ident),+ $(,)?) => {
        mod $platform {
            $(
                #[tokio::test]
                async fn $case() {
                    let start = $ground;
                    if let Some(ground) = start(stringify!($case)).await {
                        super::suite::$case(&ground).await;
                        super::suite::Ground::end(ground).await;
                    }
                }
            )+
        }
    };
}

macro_rules! whole_suite {
    ($platform:ident, $ground:expr) => {
        conforms!(
            $platform, $ground;
            a_machine_comes_and_goes,
            made_twice_is_made_once,
            a_run_that_died_after_its_request_is_continued,
            a_lost_answer_makes_no_second_machine,
            a_machine_of_somebody_else_with_our_name_is_not_touched,
            a_machine_of_another_cluster_is_not_deleted,
            an_id_that_somebody_else_has_now_is_not_touched,
            a_deletion_is_followed_to_its_end,
            a_list_of_many_is_whole,
            other_settings_are_told_and_change_nothing,
            a_replacement_is_another_machine,
            what_there_is_is_told_before_any_plan,
        );
    };
}

whole_suite!(simulated_world, super::grounds::InMemoryGround::start);
whole_suite!(proxmox_on_the_world, super::grounds::FacadeGround::start);
whole_suite!(proxmox_on_fakepve, super::grounds::FakePveGround::start);
