//! Bootstrap engine: step graph, scheduler, journal, driver, addons and pivot.
