//! The kinds of objects, and where an API server has them.

use butler_embedded::At;

/// A kind of object of an API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Resource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// API version, such as `v1`.
    pub version: &'static str,
    /// The kind in objects, such as `Pod`.
    pub kind: &'static str,
    /// The plural with the group in front, such as `pods` and `apps/deployments`.
    pub path: &'static str,
}

impl Resource {
    /// Group and version, as objects write them.
    pub(crate) fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The place of its objects in a namespace, which is empty for cluster-scoped kinds.
    pub(crate) fn at<'a>(&self, namespace: &'a str) -> At<'a> {
        At {
            group: self.group,
            version: self.version,
            resource: self.path.rsplit_once('/').map_or(self.path, |(_, plural)| plural),
            namespace,
        }
    }
}
