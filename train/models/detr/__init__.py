"""What MDETR and TransVG have of DETR: backbones, places, layers, how they read and are kept."""
