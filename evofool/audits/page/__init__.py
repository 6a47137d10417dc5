"""The page of an audit: one HTML file, with what it shows in modules by the part of the audit."""
