"""Blobs in an object store (S3, Google Cloud Storage, Azure), through obstore."""

from infrastructure.object_store.blobs import ObjectBlobs
from infrastructure.object_store.bucket import Bucket
from infrastructure.object_store.connecting import HASTY, PATIENT, Pace, bucket_at

__all__ = ["HASTY", "PATIENT", "Bucket", "ObjectBlobs", "Pace", "bucket_at"]
