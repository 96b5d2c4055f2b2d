"""Cameras: ONVIF for what the camera says, RTSP for what it shows, OpenCV for what became of the picture."""

from drivers.camera.camera import Camera, CameraFactory
from drivers.camera.settings import CameraSettings

__all__ = ["Camera", "CameraFactory", "CameraSettings"]
