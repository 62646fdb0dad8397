package dev.thinkingvit.train;

import dev.thinkingvit.augment.ColorJitter;
import dev.thinkingvit.augment.HorizontalFlip;
import dev.thinkingvit.augment.PhotometricDistortion;
import dev.thinkingvit.augment.RandAugment;
import dev.thinkingvit.augment.RandomCrop;
import dev.thinkingvit.augment.RandomErasing;
import dev.thinkingvit.augment.RandomResizedCrop;
import dev.thinkingvit.augment.SegmentationCrop;
import dev.thinkingvit.data.BatchLoader;
import dev.thinkingvit.data.PixelSource;
import dev.thinkingvit.data.Sample;
import dev.thinkingvit.data.SegmentationSet;
import dev.thinkingvit.picture.ImageSize;
import dev.thinkingvit.picture.LabelledPicture;
import dev.thinkingvit.picture.Picture;
import dev.thinkingvit.picture.PictureDecoder;
import dev.thinkingvit.picture.PictureTransform;
import dev.thinkingvit.picture.Preprocessing;
import dev.thinkingvit.picture.Resampling;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a recipe does to pictures on their way to the trainer, in the published trainer's order: crop, flip, RandAugment;
 * mixup or cutmix of the batch, on whole levels; normalisation; random erasing of the mixed batch.
 */
public final class TrainingPictures {
    private static final int LOOKED_AT = 1000;
    private static final int WHITE = 255;
    private static final int PAD_SHARE = 8; // of height and width, at each side

    private TrainingPictures() {}

    /**
     * A loader as {@link Trainer#epoch} needs it; threads, cache and what to do about broken files are the caller's.
     *
     * @param samples all of them, the same in every process
     * @param preprocessing the model's
     */
    public static BatchLoader.Builder loader(
            Recipe recipe, List<Sample> samples, Preprocessing preprocessing, Peers peers) {
        AugmentationRecipe augmentation = recipe.augmentation();
        BatchLoader.Builder loader = BatchLoader.of(samples, transform(augmentation, preprocessing), preprocessing)
                .batchSize(Trainer.localBatchSize(recipe, peers))
                .shuffle(recipe.execution().seed())
                .shard(peers.rank(), peers.size())
                .repeats(Math.max(1, augmentation.augRepeats()))
                .dropLast();
        if (!augmentation.mixing().equals(Mixing.Options.NONE)) {
            loader.mix(new Mixing(augmentation.mixing()));
        }
        if (augmentation.reprob() > 0) {
            RandomErasing standard =
                    new RandomErasing(augmentation.reprob(), RandomErasing.Mode.named(augmentation.remode()));
            loader.after(standard.withMaxCount(augmentation.recount()));
        }
        return loader;
    }

    /**
     * A loader of pictures and their pixels' classes, in the published order: scaled, cut, mirrored, distorted in colour,
     * normalised.
     *
     * @param set whose annotations are read, {@code samples} among its pictures
     * @param preprocessing the model's
     */
    public static BatchLoader.Builder pixelLoader(
            Recipe recipe, SegmentationSet set, List<Sample> samples, Preprocessing preprocessing, Peers peers) {
        AugmentationRecipe augmentation = recipe.augmentation();
        float[] mean = preprocessing.mean();
        int fill = 0;
        for (float level : mean) {
            fill = (fill << 8) | Math.round(Math.min(1, Math.max(0, level)) * WHITE);
        }
        List<Double> ratios = augmentation.ratioRange();
        SegmentationCrop crop = new SegmentationCrop(
                preprocessing.size(),
                augmentation.shorterSide(),
                augmentation.longerSide(),
                ratios.get(0),
                ratios.get(1),
                augmentation.hflip(),
                fill);
        PhotometricDistortion distortion = new PhotometricDistortion();
        PixelSource source = (sample, picture, random) ->
                crop.apply(new LabelledPicture(picture, set.labels(sample.path())), distortion, random);
        return BatchLoader.of(samples, preprocessing, preprocessing)
                .pixels(source)
                .batchSize(Trainer.localBatchSize(recipe, peers))
                .shuffle(recipe.execution().seed())
                .shard(peers.rank(), peers.size())
                .repeats(Math.max(1, augmentation.augRepeats()))
                .dropLast();
    }

    /**
     * Looks before a training begins whether its crop can be cut out of its pictures: of those that take the least room on
     * the disk, among which the small ones are. One that comes to be too small later is passed by.
     *
     * @param preprocessing the model's
     * @throws TrainingException if one is too small: names it and what takes every size
     */
    public static void requireFit(Recipe recipe, List<Sample> samples, Preprocessing preprocessing) {
        if (recipe.augmentation().crop() != AugmentationRecipe.Crop.PAD) {
            return; // others resize
        }
        RandomCrop crop = padded(preprocessing.size());
        List<String> unfit = samples.parallelStream()
                .map(sample -> Map.entry(bytes(sample), sample))
                .sorted(Map.Entry.comparingByKey())
                .limit(LOOKED_AT)
                .map(each -> fault(crop, each.getValue()))
                .flatMap(Optional::stream)
                .toList();
        if (!unfit.isEmpty()) {
            throw new TrainingException(unfit.get(0)
                    + (unfit.size() == 1 ? "" : String.format("; and %,d or more others", unfit.size() - 1))
                    + "; --crop resized takes pictures of every size, or take "
                    + (unfit.size() == 1 ? "it" : "them") + " out of the data");
        }
    }

    private static long bytes(Sample sample) {
        try {
            return Files.size(sample.path());
        } catch (IOException e) {
            return Long.MAX_VALUE; // who reads it will tell
        }
    }

    private static Optional<String> fault(RandomCrop crop, Sample sample) {
        try {
            Picture picture = PictureDecoder.decode(sample.path());
            return crop.fault(picture).map(fault -> sample.path() + ": does not fit: " + fault);
        } catch (IOException e) {
            return Optional.empty(); // who reads it will tell
        }
    }

    private static RandomCrop padded(ImageSize size) {
        return new RandomCrop(size, size.height() / PAD_SHARE, size.width() / PAD_SHARE);
    }

    private static PictureTransform transform(AugmentationRecipe augmentation, Preprocessing preprocessing) {
        ImageSize size = preprocessing.size();
        List<Resampling> interpolations = augmentation.interpolations();
        List<PictureTransform> steps = new ArrayList<>();
        steps.add(
                switch (augmentation.crop()) {
                    case PAD -> padded(size);
                    case RESIZED -> resizedCrop(augmentation, size, interpolations);
                    case CENTER -> preprocessing;
                });
        steps.add(new HorizontalFlip(augmentation.hflip()));
        if (augmentation.aa() != null) {
            steps.add(RandAugment.parse(augmentation.aa()).withInterpolations(interpolations));
        } else if (augmentation.colorJitter() > 0) {
            steps.add(new ColorJitter(augmentation.colorJitter()));
        }
        return PictureTransform.chain(steps.toArray(PictureTransform[]::new));
    }

    private static PictureTransform resizedCrop(
            AugmentationRecipe augmentation, ImageSize size, List<Resampling> interpolations) {
        List<RandomResizedCrop> crops = interpolations.stream()
                .map(interpolation -> new RandomResizedCrop(
                        size,
                        augmentation.scale().get(0),
                        augmentation.scale().get(1),
                        augmentation.ratio().get(0),
                        augmentation.ratio().get(1),
                        interpolation))
                .toList();
        return crops.size() == 1
                ? crops.get(0)
                : (picture, random) -> crops.get(random.nextInt(crops.size())).apply(picture, random);
    }
}
