"""Shared by the tests of the images, of Compose and of the manifests."""
