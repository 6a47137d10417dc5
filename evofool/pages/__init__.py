"""Web pages of runs, which work without a server and without other hosts.

A *site* is a folder with a page, its scripts and the data of runs. The scripts are the files in
`assets/`, as they are; the data are scripts too, each of which hands one value over by name,
because a page that was opened from a file may not fetch. A *sprite* holds the thumbnails of many
elites in one image.
"""

from evofool.pages.site import Site, site

__all__ = ["Site", "site"]
