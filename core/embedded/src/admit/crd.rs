//! CustomResourceDefinitions: defaults, checks and conditions.
