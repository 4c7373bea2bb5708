"""Small detectors of three kinds that learn from scratch: an SSD, a YOLO, a DETR."""
