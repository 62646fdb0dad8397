package dev.thinkingvit.data;

import java.util.List;

/** What the known sets of labelled pixels call their classes, in order, and how they colour them. */
final class SegmentationNames {
    static final int ADE20K_CLASSES = 150;

    static final List<String> CAMVID = List.of(
            "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist");

    static final List<Integer> CAMVID_COLOURS = List.of(
            0x808080, 0x800000, 0xC0C080, 0x804080, 0x3C28DE, 0x808000, 0xC08080, 0x404080, 0x400080, 0x404000,
            0x0080C0);

    static final List<String> CITYSCAPES = List.of(
            "road",
            "sidewalk",
            "building",
            "wall",
            "fence",
            "pole",
            "traffic light",
            "traffic sign",
            "vegetation",
            "terrain",
            "sky",
            "person",
            "rider",
            "car",
            "truck",
            "bus",
            "train",
            "motorcycle",
            "bicycle");

    /** Of each class, its number in {@code labelIds} annotations. */
    static final List<Integer> CITYSCAPES_IDS =
            List.of(7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33);

    /** The largest number there; those of no class are left out. */
    static final int MOST_CITYSCAPES_ID = 33;

    static final List<Integer> CITYSCAPES_COLOURS = List.of(
            0x804080, 0xF423E8, 0x464646, 0x66669C, 0xBE9999, 0x999999, 0xFAAA1E, 0xDCDC00, 0x6B8E23, 0x98FB98,
            0x4682B4, 0xDC143C, 0xFF0000, 0x00008E, 0x000046, 0x003C64, 0x005064, 0x0000E6, 0x770B20);

    static final List<String> PASCAL_VOC = List.of(
            "background",
            "aeroplane",
            "bicycle",
            "bird",
            "boat",
            "bottle",
            "bus",
            "car",
            "cat",
            "chair",
            "cow",
            "diningtable",
            "dog",
            "horse",
            "motorbike",
            "person",
            "pottedplant",
            "sheep",
            "sofa",
            "train",
            "tvmonitor");

    static final List<String> PASCAL_CONTEXT = List.of(
            ("background aeroplane bag bed bedclothes bench bicycle bird boat book bottle building bus cabinet car cat"
                            + " ceiling chair cloth computer cow cup curtain dog door fence floor flower food grass"
                            + " ground horse keyboard light motorbike mountain mouse person plate platform pottedplant"
                            + " road rock sheep shelves sidewalk sign sky snow sofa table track train tree truck"
                            + " tvmonitor wall water window wood")
                    .split(" "));

    private SegmentationNames() {}
}
