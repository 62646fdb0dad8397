package dev.thinkingvit.train;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The options of timm's trainer, by what becomes of them here. */
final class TimmKeys {
    /** What timm takes where nothing is said of the warm-up. */
    static final int WARMUP_EPOCHS = 5;

    /** Keys of ours that timm has too, with what timm takes for null. */
    static final Map<String, Object> DEFAULTS = defaults();

    /** Keys that can have one meaning here, with the values that have it besides null. */
    static final Map<String, List<?>> ONLY = only();

    /** Keys about the machine, the program or the names of things. */
    static final Set<String> MEANINGLESS = words(
            "amp amp_dtype amp_impl bce_pos_weight bce_sum bce_target_thresh bn_eps bn_momentum channels_last config"
                    + " crop_mode dataset dataset_download dataset_trust_remote_code decay_milestones device"
                    + " device_modules dist_backend dist_bn dist_url distributed experiment fast_norm fuser gpu input_key"
                    + " local_rank log_interval log_wandb lr_cycle_decay lr_cycle_mul lr_noise_pct lr_noise_std model_dtype"
                    + " naflex_loss_scale naflex_max_seq_len naflex_patch_size_probs naflex_patch_sizes naflex_train_seq_lens"
                    + " model_ema_force_cpu native_amp apex_amp no_ddp_bb no_prefetcher no_resume_opt num_classes num_gpu"
                    + " output pin_mem prefetcher rank recovery_interval resume safe_load save_images split_bn sync_bn"
                    + " synchronize_step target_key torchcompile torchcompile_mode torchscript tta use_multi_epochs_loader"
                    + " val_num_samples validation_batch_size wandb_group wandb_project wandb_resume_id wandb_tags"
                    + " worker_seeding workers");

    /** Keys that are taken, beyond those of {@link #DEFAULTS}. */
    static final Set<String> TAKEN = words("model thinking_stages opt sched lr_base_scale model_ema eval_metric"
            + " decay_rate decay_epochs patience_epochs input_size data data_dir train_split val_split initial_checkpoint"
            + " pretrained pretrained_path world_size model_kwargs head_rounds head_round_1 head_round_2");

    private static final Set<String> ALL = union();

    private TimmKeys() {}

    /** Every key that may stand in a flat file: timm's, and a recipe's own. */
    static Set<String> all() {
        return ALL;
    }

    private static Set<String> union() {
        Set<String> all = new LinkedHashSet<>(DEFAULTS.keySet());
        all.addAll(RecipeFile.sections().keySet());
        all.addAll(TAKEN);
        all.addAll(ONLY.keySet());
        all.addAll(MEANINGLESS);
        return all;
    }

    private static Map<String, Object> defaults() {
        Map<String, Object> of = new LinkedHashMap<>();
        of.put("batch_size", 128);
        of.put("grad_accum_steps", 1);
        of.put("momentum", 0.9);
        of.put("weight_decay", 2e-5);
        of.put("lr_base", 0.1);
        of.put("lr_base_size", 256);
        of.put("warmup_lr", 1e-5);
        of.put("min_lr", 0);
        of.put("epochs", 300);
        of.put("warmup_epochs", WARMUP_EPOCHS);
        of.put("cooldown_epochs", 0);
        of.put("hflip", 0.5);
        of.put("color_jitter", 0.4);
        of.put("train_interpolation", "random");
        of.put("smoothing", 0.1);
        of.put("model_ema_decay", 0.9998);
        of.put("checkpoint_hist", 10);
        of.put("seed", 42);
        return of;
    }

    private static Map<String, List<?>> only() {
        Map<String, List<?>> of = new LinkedHashMap<>();
        for (String key : List.of(
                "vflip",
                "drop",
                "drop_connect",
                "drop_block",
                "grayscale_prob",
                "gaussian_blur_prob",
                "aug_splits",
                "epoch_repeats",
                "mixup_off_epoch",
                "start_epoch",
                "layer_decay_min_scale")) {
            of.put(key, List.of(0));
        }
        for (String key : List.of("jsd_loss", "bce_loss", "resplit", "no_aug", "naflex_loader")) {
            of.put(key, List.of(false));
        }
        for (String key : List.of(
                "cutmix_minmax",
                "lr_noise",
                "opt_kwargs",
                "class_map",
                "color_jitter_prob",
                "train_num_samples",
                "head_init_scale",
                "head_init_bias",
                "kd_model_name",
                "layer_decay_no_opt_scale")) {
            of.put(key, List.of());
        }
        of.put("clip_mode", List.of("norm"));
        of.put("mixup_mode", List.of("batch"));
        of.put("lr_cycle_limit", List.of(1));
        of.put("lr_k_decay", List.of(1));
        of.put("in_chans", List.of(3));
        of.put("input_img_mode", List.of("RGB"));
        of.put("train_crop_mode", List.of("rrc"));
        of.put("gp", List.of("token"));
        return of;
    }

    private static Set<String> words(String text) {
        return new LinkedHashSet<>(List.of(text.split(" ")));
    }
}
